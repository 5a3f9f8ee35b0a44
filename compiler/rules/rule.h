/// How a rewrite of the tensor language is declared: a name, a left side, and a right side or a function that builds it.
///
///   {.name = "fold-scale", .left = "(matmul{;} (rowwise{scale} ?x ?s) ?w)", .right = "(matmul{;} ?x (rowwise{scale} ?w ?s))",
///    .when = [](const Site& site) { return site.constant("s") && site.constant("w"); }}
#pragma once

#include <functional>
#include <optional>
#include <string_view>
#include <utility>
#include <vector>

#include "base/error.h"
#include "compiler/egraph/rewrite.h"
#include "compiler/graph/op.h"
#include "compiler/rules/language.h"
#include "compiler/rules/options.h"

namespace nntune::rules {

/// A match of a rule, seen by its condition and its builder. Variables are named without '?'.
class Site {
 public:
  Site(Language& language, const egraph::EGraph& graph, const egraph::Match& match, const RuleOptions& options)
      : language_(language), graph_(graph), match_(match), options_(options) {}

  [[nodiscard]] egraph::ClassId operator[](std::string_view variable) const { return match_[variable]; }
  [[nodiscard]] const graph::TensorType& type(egraph::ClassId id) const { return language_.type(graph_, id); }
  [[nodiscard]] const graph::TensorType& type(std::string_view variable) const { return type(match_[variable]); }
  [[nodiscard]] bool constant(std::string_view variable) const { return language_.constant(graph_, match_[variable]); }
  [[nodiscard]] const Facts& facts(egraph::ClassId id) const { return language_.data(graph_.find(id)); }
  [[nodiscard]] const Facts& facts(std::string_view variable) const { return facts(match_[variable]); }
  /// The result is computed at run time, so a kernel does it.
  [[nodiscard]] bool run_time() const { return !language_.constant(graph_, match_.root); }
  /// A constant that is not packed yet.
  [[nodiscard]] bool plain_weight(std::string_view variable) const { return constant(variable) && !type(variable).packed(); }

  /// Operation and operands of the node a pattern "head:name" found.
  [[nodiscard]] const graph::Op& op(std::string_view node) const { return language_.op(graph_, match_.node(node)); }
  [[nodiscard]] Operands operands(std::string_view node) const { return language_.operands(graph_, match_.node(node)); }
  [[nodiscard]] std::span<const egraph::ClassId> children(std::string_view node) const {
    return graph_.children(match_.node(node));
  }
  [[nodiscard]] const RuleOptions& options() const { return options_; }
  [[nodiscard]] egraph::ClassId root() const { return match_.root; }

 protected:
  Language& language_;

 private:
  const egraph::EGraph& graph_;
  const egraph::Match& match_;
  const RuleOptions& options_;
};

/// A site where right sides may be added.
class Builder : public Site {
 public:
  Builder(Language& language, egraph::EGraph& graph, const egraph::Match& match, const RuleOptions& options)
      : Site(language, graph, match, options), mutable_graph_(graph) {}

  /// The class of op(children), nothing if their types do not fit.
  std::optional<egraph::ClassId> add(const graph::Op& op, const std::vector<egraph::ClassId>& children) {
    return language_.add(mutable_graph_, op, children);
  }
  /// Declares `id`, if it is there, equal to the root of the match, or to another class.
  void offer(std::optional<egraph::ClassId> id) { offer(root(), id); }
  void offer(egraph::ClassId beside, std::optional<egraph::ClassId> id) {
    if (id) {
      mutable_graph_.merge(beside, *id);
    }
  }

 private:
  egraph::EGraph& mutable_graph_;
};

struct Rule {
  const char* name;
  const char* left;
  const char* right = nullptr;          ///< a pattern, or
  void (*build)(Builder&) = nullptr;    ///< a function that offers right sides
  bool (*when)(const Site&) = nullptr;  ///< side condition; none: always
  bool rounds = false;                  ///< equal but for roundings to bf16 or to blocks of i8
  bool RuleOptions::*needs = nullptr;   ///< permission (permissions.h) without which it does not run
};

/// Rules for the engine, but for those that are not permitted. `language` must outlive them. Errors: internal (a malformed declaration).
[[nodiscard]] Expected<std::vector<egraph::Rewrite>> compile(std::span<const Rule> rules, egraph::SymbolTable& symbols,
                                                             Language& language, const RuleOptions& options);

}  // namespace nntune::rules
