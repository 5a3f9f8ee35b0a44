/// The languages of egg's tests (maths, lambda calculus with binding, propositions) over our engine, with their analyses.
/// What they mean is written down beside the reference counts, ../shared/egraphs/egg_reference.json, under "semantics".
#pragma once

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <cstdlib>
#include <deque>
#include <iterator>
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

/// What a symbol of a language is: its operator, and for leaves the constant it denotes. Read once for each symbol.
template <class Operator, class Constant>
class Leaves {
 public:
  struct Entry {
    Operator op{};
    std::optional<Constant> constant;
  };

  /// `read` maps a text to an Entry.
  template <class Read>
  const Entry& at(const EGraph& graph, Symbol symbol, Read&& read) {
    while (entries_.size() <= symbol) entries_.push_back(read(graph.symbols().text(static_cast<Symbol>(entries_.size()))));
    return entries_[symbol];
  }

 private:
  std::deque<Entry> entries_;
};

/// An analysis, and the conditions that its rules use.
class Language {
 public:
  virtual ~Language() = default;
  [[nodiscard]] virtual Analysis* analysis() { return nullptr; }
  /// `test` is a list [kind, arguments...] of egg_reference.json. The language outlives the condition.
  [[nodiscard]] virtual Condition condition(const Json& test, const Variables& names) const = 0;
  /// Rules whose right side is computed; none: not one of them.
  [[nodiscard]] virtual Applier special(const std::string& /*rule*/) const { return {}; }

 protected:
  /// Position in a match of the variable that is argument `i` of the test.
  static std::size_t position(const Json& test, std::size_t i, const Variables& names) {
    return names.class_index(test[i].get<std::string>().substr(1));
  }
};

struct MathData {
  static constexpr double kNone = std::numeric_limits<double>::quiet_NaN();
  double constant = kNone;
  bool symbol = false;  ///< the class holds a variable

  [[nodiscard]] bool known() const { return !std::isnan(constant); }
};

class Math final : public Language, public TypedAnalysis<MathData> {
 public:
  [[nodiscard]] Analysis* analysis() override { return this; }

  [[nodiscard]] Condition condition(const Json& test, const Variables& names) const override {
    const std::string kind = test[0];
    const std::size_t v = position(test, 1, names);
    const auto of = [this, v](const EGraph& graph, const Match& match) { return data(graph.find(match.classes[v])); };
    if (kind == "not_zero") return [of](const EGraph& g, const Match& m) { return of(g, m).constant != 0.0; };
    if (kind == "is_const") return [of](const EGraph& g, const Match& m) { return of(g, m).known(); };
    if (kind == "is_sym") return [of](const EGraph& g, const Match& m) { return of(g, m).symbol; };
    if (kind == "const_or_distinct_var") {
      return [of, v, w = position(test, 2, names)](const EGraph& g, const Match& m) {
        return g.find(m.classes[v]) != g.find(m.classes[w]) && (of(g, m).known() || of(g, m).symbol);
      };
    }
    throw std::invalid_argument("unknown condition " + kind);
  }

  void modify(EGraph& graph, ClassId id) override {
    const double constant = data(graph.find(id)).constant;
    if (std::isnan(constant)) return;
    graph.merge(id, graph.add(text_of(constant)));
    graph.hide_operators(id);
  }

 protected:
  MathData make(const EGraph& graph, NodeId node) override {
    const auto& [op, value] = leaves_.at(graph, graph.symbol(node), read);
    const auto children = graph.children(node);
    if (children.empty()) return {value.value_or(MathData::kNone), !value};
    if (children.size() != 2 || op == 0) return {};
    const double a = data(graph.find(children[0])).constant;
    if (std::isnan(a)) return {};
    const double b = data(graph.find(children[1])).constant;
    if (std::isnan(b) || (op == '/' && b == 0)) return {};
    return {op == '+' ? a + b : op == '-' ? a - b : op == '*' ? a * b : a / b, false};
  }

  Merged join(MathData& into, MathData from) override {
    Merged merged{.into_changed = (!into.known() && from.known()) || (!into.symbol && from.symbol),
                  .from_changed = (into.known() && !from.known()) || (into.symbol && !from.symbol),
                  .contradict = into.known() && from.known() && into.constant != from.constant};
    if (!into.known()) into.constant = from.constant;
    into.symbol = into.symbol || from.symbol;
    return merged;
  }

 private:
  static Leaves<char, double>::Entry read(std::string_view text) {
    const std::string copy(text);
    char* end = nullptr;
    const double value = std::strtod(copy.c_str(), &end);
    const bool folds = copy == "+" || copy == "-" || copy == "*" || copy == "/";
    return {folds ? copy[0] : '\0', *end == '\0' ? std::optional(value + 0.0) : std::nullopt};
  }

  static std::string text_of(double value) {
    if (value == static_cast<double>(static_cast<std::int64_t>(value))) {
      return std::to_string(static_cast<std::int64_t>(value));
    }
    return fmt::format("{}", value);
  }

  Leaves<char, double> leaves_;  // op: the folded operator, 0 for others
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

/// A sorted set of classes.
using ClassSet = std::vector<ClassId>;

inline ClassSet united(const ClassSet& a, const ClassSet& b) {
  ClassSet result;
  std::ranges::set_union(a, b, std::back_inserter(result));
  return result;
}

struct LambdaData {
  ClassSet free;  ///< classes of the symbols that are free variables
  std::optional<Constant> constant;
};

class Lambda final : public Language, public TypedAnalysis<LambdaData> {
 public:
  [[nodiscard]] Analysis* analysis() override { return this; }

  [[nodiscard]] Condition condition(const Json& test, const Variables& names) const override {
    const std::string kind = test[0];
    const std::size_t v = position(test, 1, names);
    if (kind == "is_const") {
      return [this, v](const EGraph& g, const Match& m) { return data(g.find(m.classes[v])).constant.has_value(); };
    }
    if (kind == "different_class") {
      return [v, w = position(test, 2, names)](const EGraph& g, const Match& m) {
        return g.find(m.classes[v]) != g.find(m.classes[w]);
      };
    }
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
        if (!std::ranges::binary_search(data(graph.find(e)).free, graph.find(v2))) {
          return graph.add("lam", {v2, graph.add("let", {v1, e, body})});
        }
        const ClassId fresh = graph.add(fmt::format("_{}", match.root));
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
  enum class Operator : std::uint8_t { other, var, let, binder, add, equal };

  LambdaData make(const EGraph& graph, NodeId node) override {
    const auto& [op, value] = leaves_.at(graph, graph.symbol(node), read);
    const auto children = graph.children(node);
    const auto child = [&](std::size_t i) { return graph.find(children[i]); };
    const auto without = [](const ClassSet& set, ClassId id) {
      ClassSet result = set;
      std::erase(result, id);
      return result;
    };
    if (children.empty()) return {{}, value};
    LambdaData result;
    if (op == Operator::var) {
      result.free = {child(0)};
    } else if (op == Operator::let) {
      result.free = united(without(data(child(2)).free, child(0)), data(child(1)).free);
    } else if (op == Operator::binder) {
      result.free = without(data(child(1)).free, child(0));
    } else {
      result.free = data(child(0)).free;
      for (std::size_t i = 1; i < children.size(); ++i) result.free = united(result.free, data(child(i)).free);
    }
    if (op != Operator::add && op != Operator::equal) return result;
    const auto& a = data(child(0)).constant;
    const auto& b = data(child(1)).constant;
    if (!a || !b) return result;
    if (op == Operator::equal) {
      result.constant = *a == *b;
    } else if (std::holds_alternative<std::int32_t>(*a) && std::holds_alternative<std::int32_t>(*b)) {
      const std::int64_t sum = std::int64_t{std::get<std::int32_t>(*a)} + std::get<std::int32_t>(*b);
      if (sum == static_cast<std::int32_t>(sum)) result.constant = static_cast<std::int32_t>(sum);
    }
    return result;
  }

  Merged join(LambdaData& into, LambdaData from) override {
    ClassSet both;
    std::ranges::set_intersection(into.free, from.free, std::back_inserter(both));
    const Merged merged{.into_changed = both.size() < into.free.size() || (!into.constant && from.constant),
                        .from_changed = both.size() < from.free.size() || (into.constant && !from.constant),
                        .contradict = into.constant && from.constant && *into.constant != *from.constant};
    into.free = std::move(both);
    if (!into.constant) into.constant = from.constant;
    return merged;
  }

 private:
  static Leaves<Operator, Constant>::Entry read(std::string_view text) {
    Operator op = Operator::other;
    if (text == "var") op = Operator::var;
    if (text == "let") op = Operator::let;
    if (text == "lam" || text == "fix") op = Operator::binder;
    if (text == "+") op = Operator::add;
    if (text == "=") op = Operator::equal;
    return {op, constant_of(text)};
  }

  Leaves<Operator, Constant> leaves_;
};

class Prop final : public Language, public TypedAnalysis<std::optional<bool>> {
 public:
  [[nodiscard]] Analysis* analysis() override { return this; }
  [[nodiscard]] Condition condition(const Json& test, const Variables&) const override {
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
      const Variables variables = Pattern::parse(rule["left"].get<std::string>(), symbols)->variables();
      std::vector<Condition> all;
      for (const Json& test : rule["condition_code"]) all.push_back(language.condition(test, variables));
      condition = [all = std::move(all)](const EGraph& graph, const Match& match) {
        return std::ranges::all_of(all, [&](const Condition& one) { return one(graph, match); });
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
