/// The languages of egg's tests (maths, lambda calculus with binding, propositions) over our engine, with their analyses.
/// What they mean is written down beside the reference counts, ../shared/egraphs/egg_reference.json, under "semantics".
#pragma once

#include <fmt/format.h>

#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <limits>
#include <memory>
#include <optional>
#include <set>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "base/json.h"
#include "compiler/egraph/rewrite.h"
#include "compiler/egraph/sexpr.h"

namespace nntune::egraph::egg {

/// An analysis, and the conditions that its rules use.
class Language {
 public:
  virtual ~Language() = default;
  [[nodiscard]] virtual Analysis* analysis() { return nullptr; }
  /// `test` is a list [kind, arguments...] of egg_reference.json.
  [[nodiscard]] virtual bool holds(const EGraph& graph, const Match& match, const Json& test) const = 0;
  /// Rules whose right side is computed; none: not one of them.
  [[nodiscard]] virtual Applier special(const std::string& /*rule*/) const { return {}; }

 protected:
  static ClassId class_of(const EGraph& graph, const Match& match, const Json& variable) {
    return graph.find(match[variable.get<std::string>().substr(1)]);
  }
};

struct MathData {
  std::optional<double> constant;
  bool symbol = false;  ///< the class holds a variable
};

class Math final : public Language, public TypedAnalysis<MathData> {
 public:
  [[nodiscard]] Analysis* analysis() override { return this; }

  [[nodiscard]] bool holds(const EGraph& graph, const Match& match, const Json& test) const override {
    const std::string kind = test[0];
    const ClassId id = class_of(graph, match, test[1]);
    const auto& [constant, symbol] = data(id);
    if (kind == "not_zero") return constant != 0.0;
    if (kind == "is_const") return constant.has_value();
    if (kind == "is_sym") return symbol;
    if (kind == "const_or_distinct_var") return id != class_of(graph, match, test[2]) && (constant || symbol);
    throw std::invalid_argument("unknown condition " + kind);
  }

  void modify(EGraph& graph, ClassId id) override {
    const std::optional<double> constant = data(graph.find(id)).constant;
    if (!constant) return;
    graph.merge(id, graph.add(text_of(*constant)));
    graph.hide_operators(id);
  }

 protected:
  MathData make(const EGraph& graph, NodeId node) override {
    const std::string text(graph.text(node));
    const auto children = graph.children(node);
    if (children.empty()) {
      char* end = nullptr;
      const double value = std::strtod(text.c_str(), &end);
      return *end == '\0' ? MathData{value + 0.0, false} : MathData{std::nullopt, true};
    }
    if (children.size() != 2) return {};
    const auto a = data(graph.find(children[0])).constant;
    const auto b = data(graph.find(children[1])).constant;
    if (!a || !b) return {};
    if (text == "+") return {*a + *b, false};
    if (text == "-") return {*a - *b, false};
    if (text == "*") return {*a * *b, false};
    if (text == "/" && *b != 0) return {*a / *b, false};
    return {};
  }

  Merged join(MathData& into, MathData from) override {
    Merged merged{.into_changed = (!into.constant && from.constant) || (!into.symbol && from.symbol),
                  .from_changed = (into.constant && !from.constant) || (into.symbol && !from.symbol),
                  .contradict = into.constant && from.constant && *into.constant != *from.constant};
    if (!into.constant) into.constant = from.constant;
    into.symbol = into.symbol || from.symbol;
    return merged;
  }

 private:
  static std::string text_of(double value) {
    if (value == static_cast<double>(static_cast<std::int64_t>(value))) {
      return std::to_string(static_cast<std::int64_t>(value));
    }
    return fmt::format("{}", value);
  }
};

using Constant = std::variant<std::int32_t, bool>;

inline std::optional<Constant> constant_of(std::string_view text) {
  if (text == "true") return Constant(true);
  if (text == "false") return Constant(false);
  const std::string copy(text);
  char* end = nullptr;
  const long value = std::strtol(copy.c_str(), &end, 10);
  const bool fits = value >= std::numeric_limits<std::int32_t>::min() && value <= std::numeric_limits<std::int32_t>::max();
  if (copy.empty() || *end != '\0' || !fits) return std::nullopt;
  return Constant(static_cast<std::int32_t>(value));
}

inline std::string text_of(const Constant& constant) {
  if (const auto* flag = std::get_if<bool>(&constant)) return *flag ? "true" : "false";
  return std::to_string(std::get<std::int32_t>(constant));
}

struct LambdaData {
  std::set<ClassId> free;  ///< classes of the symbols that are free variables
  std::optional<Constant> constant;
};

class Lambda final : public Language, public TypedAnalysis<LambdaData> {
 public:
  [[nodiscard]] Analysis* analysis() override { return this; }

  [[nodiscard]] bool holds(const EGraph& graph, const Match& match, const Json& test) const override {
    const std::string kind = test[0];
    if (kind == "is_const") return data(class_of(graph, match, test[1])).constant.has_value();
    if (kind == "different_class") return class_of(graph, match, test[1]) != class_of(graph, match, test[2]);
    throw std::invalid_argument("unknown condition " + kind);
  }

  [[nodiscard]] Applier special(const std::string& rule) const override {
    if (rule == "if-elim") {
      return [](EGraph& graph, const Match& match) -> std::optional<ClassId> {
        const auto let = [&](std::string_view body) { return graph.add("let", {match["x"], match["e"], match[body]}); };
        const ClassId then = let("then");
        const ClassId otherwise = let("else");
        if (graph.find(then) != graph.find(otherwise)) return std::nullopt;
        return match["else"];
      };
    }
    if (rule == "let-lam-diff") {
      return [this](EGraph& graph, const Match& match) -> std::optional<ClassId> {
        const ClassId v1 = match["v1"], e = match["e"], v2 = match["v2"], body = match["body"];
        if (graph.find(v1) == graph.find(v2)) return std::nullopt;
        if (!data(graph.find(e)).free.contains(graph.find(v2))) {
          return graph.add("lam", {v2, graph.add("let", {v1, e, body})});
        }
        const ClassId fresh = graph.add("_" + std::to_string(match.root));
        const ClassId renamed = graph.add("let", {v2, graph.add("var", {fresh}), body});
        return graph.add("lam", {fresh, graph.add("let", {v1, e, renamed})});
      };
    }
    return {};
  }

  void modify(EGraph& graph, ClassId id) override {
    const std::optional<Constant> constant = data(graph.find(id)).constant;
    if (constant) graph.merge(id, graph.add(text_of(*constant)));
  }

 protected:
  LambdaData make(const EGraph& graph, NodeId node) override {
    const std::string_view text = graph.text(node);
    const auto children = graph.children(node);
    const auto child = [&](std::size_t i) { return graph.find(children[i]); };
    if (children.empty()) return {{}, constant_of(text)};
    LambdaData result;
    if (text == "var") {
      result.free = {child(0)};
    } else if (text == "let") {
      result.free = data(child(2)).free;
      result.free.erase(child(0));
      result.free.insert(data(child(1)).free.begin(), data(child(1)).free.end());
    } else if (text == "lam" || text == "fix") {
      result.free = data(child(1)).free;
      result.free.erase(child(0));
    } else {
      for (std::size_t i = 0; i < children.size(); ++i) {
        result.free.insert(data(child(i)).free.begin(), data(child(i)).free.end());
      }
    }
    if (text != "+" && text != "=") return result;
    const auto& a = data(child(0)).constant;
    const auto& b = data(child(1)).constant;
    if (!a || !b) return result;
    if (text == "=") {
      result.constant = *a == *b;
    } else if (std::holds_alternative<std::int32_t>(*a) && std::holds_alternative<std::int32_t>(*b)) {
      const std::int64_t sum = std::int64_t{std::get<std::int32_t>(*a)} + std::get<std::int32_t>(*b);
      if (sum == static_cast<std::int32_t>(sum)) result.constant = static_cast<std::int32_t>(sum);
    }
    return result;
  }

  Merged join(LambdaData& into, LambdaData from) override {
    std::set<ClassId> both;
    for (const ClassId id : into.free) {
      if (from.free.contains(id)) both.insert(id);
    }
    const Merged merged{.into_changed = both.size() < into.free.size() || (!into.constant && from.constant),
                        .from_changed = both.size() < from.free.size() || (into.constant && !from.constant),
                        .contradict = into.constant && from.constant && *into.constant != *from.constant};
    into.free = std::move(both);
    if (!into.constant) into.constant = from.constant;
    return merged;
  }
};

class Prop final : public Language, public TypedAnalysis<std::optional<bool>> {
 public:
  [[nodiscard]] Analysis* analysis() override { return this; }
  [[nodiscard]] bool holds(const EGraph&, const Match&, const Json& test) const override {
    throw std::invalid_argument("unknown condition " + test[0].get<std::string>());
  }

  void modify(EGraph& graph, ClassId id) override {
    const std::optional<bool> value = data(graph.find(id));
    if (value) graph.merge(id, graph.add(*value ? "true" : "false"));
  }

 protected:
  std::optional<bool> make(const EGraph& graph, NodeId node) override {
    const std::string_view text = graph.text(node);
    const auto children = graph.children(node);
    if (children.empty())
      return text == "true" ? std::optional(true) : text == "false" ? std::optional(false) : std::nullopt;
    const auto a = data(graph.find(children.front()));
    const auto b = data(graph.find(children.back()));
    if (!a || !b) return std::nullopt;
    if (text == "&") return *a && *b;
    if (text == "|") return *a || *b;
    if (text == "->") return !*a || *b;
    if (text == "~") return !*a;
    return std::nullopt;
  }

  Merged join(std::optional<bool>& into, std::optional<bool> from) override {
    const Merged merged{
        .into_changed = !into && from, .from_changed = into && !from, .contradict = into && from && *into != *from};
    if (!into) into = from;
    return merged;
  }
};

inline std::unique_ptr<Language> make_language(const std::string& suite) {
  if (suite == "math") return std::make_unique<Math>();
  if (suite == "lambda") return std::make_unique<Lambda>();
  return std::make_unique<Prop>();
}

/// The rules of a suite, in their order; with `names` only those. `language` outlives them.
inline std::vector<Rewrite> rules(const Json& suite, const std::optional<std::set<std::string>>& names,
                                  const Language& language, SymbolTable& symbols) {
  std::vector<Rewrite> result;
  for (const Json& rule : suite) {
    const std::string name = rule["name"];
    if (names && !names->contains(name)) continue;
    if (name == "lem_imply") {
      result.push_back(*rewrite(name, "?value = true, ?value = (& (-> ?a ?b) (-> (~ ?a) ?c))", "(| ?b ?c)", symbols));
      continue;
    }
    if (Applier apply = language.special(name)) {
      result.push_back(*rewrite(name, rule["left"].get<std::string>(), std::move(apply), symbols));
      continue;
    }
    Condition condition;
    if (rule.contains("condition_code")) {
      condition = [&language, tests = rule["condition_code"]](const EGraph& graph, const Match& match) {
        return std::ranges::all_of(tests, [&](const Json& test) { return language.holds(graph, match, test); });
      };
    }
    result.push_back(*rewrite(name, rule["left"].get<std::string>(), rule["right"].get<std::string>(), symbols, condition));
  }
  return result;
}

inline ClassId add(EGraph& graph, std::string_view term) { return add_term(graph, *parse_sexpr(term)); }

inline bool equal(const EGraph& graph, std::string_view a, std::string_view b) {
  const auto left = lookup_term(graph, *parse_sexpr(a));
  const auto right = lookup_term(graph, *parse_sexpr(b));
  return left && right && graph.find(*left) == graph.find(*right);
}

}  // namespace nntune::egraph::egg
