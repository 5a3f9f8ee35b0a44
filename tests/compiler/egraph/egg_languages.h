/// The languages of egg's tests (maths, lambda calculus with binding, propositions) over our engine, with their analyses.
/// What they mean is written down beside the reference counts, ../shared/egraphs/egg_reference.json, under "semantics".
#pragma once

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdint>
#include <cstdlib>
#include <deque>
#include <iterator>
#include <limits>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <stdexcept>
#include <string>
#include <string_view>
#include <unordered_map>
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
  /// Rules whose right side is computed, over the variables of its left side; none: not one of them.
  [[nodiscard]] virtual Applier special(const std::string& /*rule*/, const Variables& /*names*/,
                                        SymbolTable& /*symbols*/) const {
    return {};
  }

 protected:
  /// Position in a match of the variable that is argument `i` of the test.
  static std::size_t position(const Json& test, std::size_t i, const Variables& names) {
    return names.class_index(test[i].get<std::string>().substr(1));
  }
};

/// The reason of merges with a computed constant.
constexpr std::string_view kFolding = "constant folding";

struct MathData {
  static constexpr double kNone = std::numeric_limits<double>::quiet_NaN();
  double constant = kNone;
  NodeId from = 0;      ///< the node that gave the constant
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
    const MathData known = data(graph.find(id));
    if (!known.known()) return;
    ClassId folded = id;
    if (graph.proofs() != nullptr && !graph.children(known.from).empty()) {
      // A proof needs the operation on numerals, which are in the operands' classes already.
      const ClassId left = graph.find(graph.children(known.from)[0]), right = graph.find(graph.children(known.from)[1]);
      const ClassId a = graph.add(text_of(data(left).constant));
      const ClassId b = graph.add(text_of(data(right).constant));
      folded = graph.add(graph.symbol(known.from), std::array{a, b});
    }
    graph.merge(folded, graph.add(text_of(known.constant)), kFolding);
    graph.hide_operators(id);
  }

 protected:
  MathData make(const EGraph& graph, NodeId node) override {
    const auto& [op, value] = leaves_.at(graph, graph.symbol(node), read);
    const auto children = graph.children(node);
    if (children.empty()) return {value.value_or(MathData::kNone), node, !value};
    if (children.size() != 2 || op == 0) return {};
    const double a = data(graph.find(children[0])).constant;
    if (std::isnan(a)) return {};
    const double b = data(graph.find(children[1])).constant;
    if (std::isnan(b) || (op == '/' && b == 0)) return {};
    return {op == '+' ? a + b : op == '-' ? a - b : op == '*' ? a * b : a / b, node, false};
  }

  Merged join(MathData& into, MathData from) override {
    Merged merged{.into_changed = (!into.known() && from.known()) || (!into.symbol && from.symbol),
                  .from_changed = (into.known() && !from.known()) || (into.symbol && !from.symbol),
                  .contradict = into.known() && from.known() && into.constant != from.constant};
    if (!into.known()) {
      into.constant = from.constant;
      into.from = from.from;
    }
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

/// Sorted sets of classes, each kept once and named by a number; the empty one is 0.
class ClassSets {
 public:
  using Id = std::uint32_t;

  ClassSets() { intern({}); }
  [[nodiscard]] bool contains(Id set, ClassId id) const { return std::ranges::binary_search(*sets_[set], id); }
  [[nodiscard]] std::size_t size(Id set) const { return sets_[set]->size(); }
  Id only(ClassId id) { return intern({id}); }
  Id without(Id set, ClassId id) {
    if (!contains(set, id)) return set;
    std::vector<ClassId> result = *sets_[set];
    std::erase(result, id);
    return intern(std::move(result));
  }
  Id united(Id a, Id b) {
    return combined(unions_, a, b, [](const auto& x, const auto& y, auto out) { std::ranges::set_union(x, y, out); });
  }
  Id common(Id a, Id b) {
    return combined(intersections_, a, b,
                    [](const auto& x, const auto& y, auto out) { std::ranges::set_intersection(x, y, out); });
  }

 private:
  using Results = std::unordered_map<std::uint64_t, Id>;

  Id intern(std::vector<ClassId> set) {
    const auto [place, is_new] = ids_.emplace(std::move(set), static_cast<Id>(sets_.size()));
    if (is_new) sets_.push_back(&place->first);
    return place->second;
  }
  template <class Combine>
  Id combined(Results& results, Id a, Id b, Combine&& combine) {
    if (a == b) return a;
    const auto [place, is_new] = results.emplace((std::uint64_t{std::min(a, b)} << 32) | std::max(a, b), 0);
    if (is_new) {
      std::vector<ClassId> result;
      combine(*sets_[a], *sets_[b], std::back_inserter(result));
      place->second = intern(std::move(result));
    }
    return place->second;
  }

  std::map<std::vector<ClassId>, Id> ids_;
  std::vector<const std::vector<ClassId>*> sets_;
  Results unions_;
  Results intersections_;
};

struct LambdaData {
  ClassSets::Id free = 0;  ///< classes of the symbols that are free variables
  NodeId from = 0;         ///< the node that gave the constant
  std::optional<Constant> constant = {};
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

  [[nodiscard]] Applier special(const std::string& rule, const Variables& names, SymbolTable& symbols) const override {
    const Symbol let = symbols.intern("let");
    const auto at = [&names](std::string_view name) { return names.class_index(name); };
    if (rule == "if-elim") {
      return [let, x = at("x"), e = at("e"), then = at("then"), otherwise = at("else")](
                 EGraph& graph, const Match& match) -> std::optional<ClassId> {
        const auto& v = match.classes;
        const ClassId a = graph.add(let, std::array{v[x], v[e], v[then]});
        const ClassId b = graph.add(let, std::array{v[x], v[e], v[otherwise]});
        return graph.find(a) == graph.find(b) ? std::optional(v[otherwise]) : std::nullopt;
      };
    }
    if (rule == "let-lam-diff") {
      return [this, let, lam = symbols.intern("lam"), i1 = at("v1"), i2 = at("v2"), ie = at("e"), ib = at("body")](
                 EGraph& graph, const Match& match) -> std::optional<ClassId> {
        const ClassId v1 = match.classes[i1], v2 = match.classes[i2], e = match.classes[ie], body = match.classes[ib];
        if (graph.find(v1) == graph.find(v2)) return std::nullopt;
        if (!sets_.contains(data(graph.find(e)).free, graph.find(v2))) {
          return graph.add(lam, std::array{v2, graph.add(let, std::array{v1, e, body})});
        }
        const ClassId fresh = graph.add(fmt::format("_{}", match.root));
        const ClassId renamed = graph.add(let, std::array{v2, graph.add("var", {fresh}), body});
        return graph.add(lam, std::array{fresh, graph.add(let, std::array{v1, e, renamed})});
      };
    }
    return {};
  }

  void modify(EGraph& graph, ClassId id) override {
    const LambdaData known = data(graph.find(id));
    if (!known.constant) return;
    ClassId folded = id;
    if (graph.proofs() != nullptr && !graph.children(known.from).empty()) {
      const ClassId left = graph.find(graph.children(known.from)[0]), right = graph.find(graph.children(known.from)[1]);
      const ClassId a = graph.add(text_of(*data(left).constant));
      const ClassId b = graph.add(text_of(*data(right).constant));
      folded = graph.add(graph.symbol(known.from), std::array{a, b});
    }
    graph.merge(folded, graph.add(text_of(*known.constant)), kFolding);
  }

 protected:
  enum class Operator : std::uint8_t { other, var, let, binder, add, equal };

  LambdaData make(const EGraph& graph, NodeId node) override {
    const auto& [op, value] = leaves_.at(graph, graph.symbol(node), read);
    const auto children = graph.children(node);
    const auto child = [&](std::size_t i) { return graph.find(children[i]); };
    if (children.empty()) return {.from = node, .constant = value};
    LambdaData result;
    if (op == Operator::var) {
      result.free = sets_.only(child(0));
    } else if (op == Operator::let) {
      result.free = sets_.united(sets_.without(data(child(2)).free, child(0)), data(child(1)).free);
    } else if (op == Operator::binder) {
      result.free = sets_.without(data(child(1)).free, child(0));
    } else {
      for (std::size_t i = 0; i < children.size(); ++i) result.free = sets_.united(result.free, data(child(i)).free);
    }
    if (op != Operator::add && op != Operator::equal) return result;
    const auto& a = data(child(0)).constant;
    const auto& b = data(child(1)).constant;
    if (!a || !b) return result;
    result.from = node;
    if (op == Operator::equal) {
      result.constant = *a == *b;
    } else if (std::holds_alternative<std::int32_t>(*a) && std::holds_alternative<std::int32_t>(*b)) {
      const std::int64_t sum = std::int64_t{std::get<std::int32_t>(*a)} + std::get<std::int32_t>(*b);
      if (sum == static_cast<std::int32_t>(sum)) result.constant = static_cast<std::int32_t>(sum);
    }
    return result;
  }

  Merged join(LambdaData& into, LambdaData from) override {
    const ClassSets::Id both = sets_.common(into.free, from.free);
    const Merged merged{.into_changed = both != into.free || (!into.constant && from.constant),
                        .from_changed = both != from.free || (into.constant && !from.constant),
                        .contradict = into.constant && from.constant && *into.constant != *from.constant};
    into.free = both;
    if (!into.constant) {
      into.constant = from.constant;
      into.from = from.from;
    }
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
  ClassSets sets_;
};

struct PropData {
  std::optional<bool> value = {};
  NodeId from = 0;  ///< the node that gave the value
};

class Prop final : public Language, public TypedAnalysis<PropData> {
 public:
  [[nodiscard]] Analysis* analysis() override { return this; }
  [[nodiscard]] Condition condition(const Json& test, const Variables&) const override {
    throw std::invalid_argument("unknown condition " + test[0].get<std::string>());
  }

  void modify(EGraph& graph, ClassId id) override {
    const PropData known = data(graph.find(id));
    if (!known.value) return;
    const auto leaf = [&graph](bool value) { return graph.add(value ? "true" : "false"); };
    ClassId folded = id;
    if (graph.proofs() != nullptr && !graph.children(known.from).empty()) {
      std::vector<bool> values;
      for (const ClassId child : graph.children(known.from)) values.push_back(*data(graph.find(child)).value);
      std::vector<ClassId> operands;
      for (const bool value : values) operands.push_back(leaf(value));
      folded = graph.add(graph.symbol(known.from), operands);
    }
    graph.merge(folded, leaf(*known.value), kFolding);
  }

 protected:
  PropData make(const EGraph& graph, NodeId node) override {
    const std::string_view text = graph.text(node);
    const auto children = graph.children(node);
    if (children.empty()) {
      return {text == "true" ? std::optional(true) : text == "false" ? std::optional(false) : std::nullopt, node};
    }
    const auto a = data(graph.find(children.front())).value;
    const auto b = data(graph.find(children.back())).value;
    if (!a || !b) return {};
    if (text == "&") return {*a && *b, node};
    if (text == "|") return {*a || *b, node};
    if (text == "->") return {!*a || *b, node};
    if (text == "~") return {!*a, node};
    return {};
  }

  Merged join(PropData& into, PropData from) override {
    const Merged merged{.into_changed = !into.value && from.value,
                        .from_changed = into.value && !from.value,
                        .contradict = into.value && from.value && *into.value != *from.value};
    if (!into.value) into = from;
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
    const Variables variables = Pattern::parse(rule["left"].get<std::string>(), symbols)->variables();
    if (Applier apply = language.special(name, variables, symbols)) {
      result.push_back(*rewrite(name, rule["left"].get<std::string>(), std::move(apply), symbols));
      continue;
    }
    Condition condition;
    if (rule.contains("condition_code")) {
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
