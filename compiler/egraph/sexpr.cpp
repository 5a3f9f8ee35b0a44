#include "compiler/egraph/sexpr.h"

#include <fmt/format.h>

#include <cctype>

namespace nntune::egraph {

namespace {

class Parser {
 public:
  explicit Parser(std::string_view text) : text_(text) {}

  Expected<Sexpr> parse() {
    NNTUNE_ASSIGN(Sexpr result, term());
    skip_blanks();
    if (position_ != text_.size()) {
      return wrong("text behind the end of the expression");
    }
    return result;
  }

 private:
  Expected<Sexpr> term() {
    skip_blanks();
    if (position_ == text_.size()) {
      return wrong("an expression is missing");
    }
    if (text_[position_] != '(') {
      return Sexpr{atom(), {}};
    }
    ++position_;
    skip_blanks();
    Sexpr result{atom(), {}};
    if (result.head.empty()) {
      return wrong("an operator is missing");
    }
    for (skip_blanks(); position_ < text_.size() && text_[position_] != ')'; skip_blanks()) {
      NNTUNE_ASSIGN(Sexpr operand, term());
      result.operands.push_back(std::move(operand));
    }
    if (position_ == text_.size()) {
      return wrong("')' is missing");
    }
    ++position_;
    return result;
  }

  std::string atom() {
    const std::size_t start = position_;
    for (int depth = 0; position_ < text_.size(); ++position_) {
      const char c = text_[position_];
      depth += c == '{' ? 1 : (c == '}' ? -1 : 0);
      if (depth == 0 && (c == '(' || c == ')' || std::isspace(static_cast<unsigned char>(c)) != 0)) {
        break;
      }
    }
    return std::string(text_.substr(start, position_ - start));
  }

  void skip_blanks() {
    while (position_ < text_.size() && std::isspace(static_cast<unsigned char>(text_[position_])) != 0) {
      ++position_;
    }
  }

  tl::unexpected<Error> wrong(std::string_view what) const {
    return fail(ErrorKind::bad_input, fmt::format("{} at character {} of \"{}\"", what, position_ + 1, text_),
                "write it as (operator operand ...)");
  }

  std::string_view text_;
  std::size_t position_ = 0;
};

}  // namespace

std::string Sexpr::text() const {
  if (operands.empty()) {
    return head;
  }
  std::string result("(");
  result.append(head);
  for (const Sexpr& operand : operands) {
    result.append(" ").append(operand.text());
  }
  return result.append(")");
}

Expected<Sexpr> parse_sexpr(std::string_view text) { return Parser(text).parse(); }

ClassId add_term(EGraph& graph, const Sexpr& term) {
  std::vector<ClassId> children;
  for (const Sexpr& operand : term.operands) {
    children.push_back(add_term(graph, operand));
  }
  return graph.add(graph.symbols().intern(term.head), children);
}

std::optional<ClassId> lookup_term(const EGraph& graph, const Sexpr& term) {
  std::vector<ClassId> children;
  for (const Sexpr& operand : term.operands) {
    const auto child = lookup_term(graph, operand);
    if (!child) {
      return std::nullopt;
    }
    children.push_back(*child);
  }
  const auto symbol = graph.symbols().find(term.head);
  return symbol ? graph.lookup(*symbol, children) : std::nullopt;
}

}  // namespace nntune::egraph
