/// The options of a command and what was given for them. cxxopts does the parsing; arguments.cpp alone includes it, as its header
/// takes longer to compile than most commands.
#pragma once

#include <cstddef>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "base/error.h"

namespace nntune::cli {

/// What was given. Names are the long ones; asking for the value of one that was not declared is a bug (std::out_of_range).
class Arguments {
 public:
  /// False as well for an option that this command does not take.
  [[nodiscard]] bool has(const std::string& name) const {
    const auto place = values_.find(name);
    return place != values_.end() && place->second.given;
  }
  /// The value given last, else the standard one, else "".
  [[nodiscard]] const std::string& text(const std::string& name) const;
  /// All values given, separated by commas or by repeating the option.
  [[nodiscard]] const std::vector<std::string>& list(const std::string& name) const { return values_.at(name).texts; }
  /// "--name value --flag true", in the order of the command line.
  [[nodiscard]] const std::string& as_typed() const { return as_typed_; }

 private:
  friend class Options;
  struct Value {
    bool given = false;
    std::vector<std::string> texts;
  };

  std::map<std::string, Value> values_;  // by long name, all that were declared
  std::string as_typed_;
};

/// Options are declared by their long name, or by a letter and that ("p,prompt"). -h, --help is there from the beginning.
class Options {
 public:
  /// \param program, usage  as the help shows them, e.g. "nntune db", "stats|migrate"
  Options(std::string program, std::string summary, std::string usage);

  /// Takes no value.
  void flag(const std::string& name, const std::string& help);
  /// Takes a text; numbers are read from it with cli/options.h, which is stricter than cxxopts.
  ///
  /// \param placeholder  of the value, in the help
  /// \param standard     where none is given
  void add(const std::string& name, const std::string& help, const std::string& placeholder,
           std::optional<std::string> standard = std::nullopt);
  /// Takes several texts.
  void add_list(const std::string& name, const std::string& help, const std::string& placeholder);
  /// What may be given without its name, in this order.
  void positional(std::vector<std::string> names) { positional_ = std::move(names); }

  /// \param width  of a line, in columns
  [[nodiscard]] std::string help(std::size_t width = 100) const;
  /// Errors: usage, an option that was not declared, a missing value, and, but for those who ask for help, an argument too many.
  [[nodiscard]] Expected<Arguments> parse(int argc, const char* const* argv) const;

 private:
  enum class Kind { flag, text, list };
  struct Declared {
    std::string name;
    std::string help;
    std::string placeholder;
    std::optional<std::string> standard;
    Kind kind = Kind::flag;
  };
  struct Parser;  // cxxopts'

  std::string program_;
  std::string summary_;
  std::string usage_;
  std::vector<Declared> declared_;
  std::vector<std::string> positional_;
};

}  // namespace nntune::cli
