#include "cli/arguments.h"

#include <fmt/format.h>

// std::regex recurses once a character, which a value of 40 kB does not survive, and its "." matches no end of line.
#define CXXOPTS_NO_REGEX true
#include <cxxopts.hpp>
#include <string_view>

namespace nntune::cli {
namespace {

std::string long_name(const std::string& name) { return name.substr(name.find(',') + 1); }

/// cxxopts quotes with typographic marks; terminals and logs are better off with plain ones.
std::string plain_quotes(std::string text) {
  for (const std::string_view mark : {"‘", "’"}) {
    for (std::size_t at = text.find(mark); at != std::string::npos; at = text.find(mark)) text.replace(at, mark.size(), "'");
  }
  return text;
}

}  // namespace

const std::string& Arguments::text(const std::string& name) const {
  static const std::string none;
  const std::vector<std::string>& texts = values_.at(name).texts;
  return texts.empty() ? none : texts.back();
}

struct Options::Parser {
  explicit Parser(const Options& from) : options(from.program_, from.summary_ + "\n") {
    options.custom_help(from.usage_).positional_help("");
    auto add = options.add_options();
    for (const Declared& each : from.declared_) {
      switch (each.kind) {
        case Kind::flag: add(each.name, each.help); break;
        case Kind::text: {
          const auto value = cxxopts::value<std::string>();
          if (each.standard) value->default_value(*each.standard);
          add(each.name, each.help, value, each.placeholder);
          break;
        }
        case Kind::list: add(each.name, each.help, cxxopts::value<std::vector<std::string>>(), each.placeholder); break;
      }
    }
    options.parse_positional(from.positional_);
  }

  cxxopts::Options options;
};

Options::Options(std::string program, std::string summary, std::string usage)
    : program_(std::move(program)), summary_(std::move(summary)), usage_(std::move(usage)) {
  flag("h,help", "print this help");
}

void Options::flag(const std::string& name, const std::string& help) {
  declared_.push_back({name, help, "", {}, Kind::flag});
}

void Options::add(const std::string& name, const std::string& help, const std::string& placeholder,
                  std::optional<std::string> standard) {
  declared_.push_back({name, help, placeholder, std::move(standard), Kind::text});
}

void Options::add_list(const std::string& name, const std::string& help, const std::string& placeholder) {
  declared_.push_back({name, help, placeholder, {}, Kind::list});
}

std::string Options::help(std::size_t width) const { return Parser(*this).options.set_width(width).help(); }

Expected<Arguments> Options::parse(int argc, const char* const* argv) const {
  const auto usage = [this](std::string what) {
    return fail(ErrorKind::usage, std::move(what), fmt::format("see `{} --help`", program_));
  };
  Arguments result;
  Parser parser(*this);
  try {
    const cxxopts::ParseResult parsed = parser.options.parse(argc, argv);
    for (const Declared& each : declared_) {
      const std::string name = long_name(each.name);
      Arguments::Value& value = result.values_[name];
      value.given = parsed.count(name) != 0;
      if (each.kind == Kind::text && (value.given || each.standard)) value.texts = {parsed[name].as<std::string>()};
      if (each.kind == Kind::list && value.given) value.texts = parsed[name].as<std::vector<std::string>>();
    }
    for (const cxxopts::KeyValue& argument : parsed.arguments()) {
      result.as_typed_ += fmt::format("{}--{} {}", result.as_typed_.empty() ? "" : " ", argument.key(), argument.value());
    }
    if (!parsed.unmatched().empty() && !result.has("help")) {
      return usage(fmt::format("unexpected argument '{}'", parsed.unmatched().front()));
    }
  } catch (const cxxopts::exceptions::exception& error) {
    return usage(plain_quotes(error.what()));
  }
  return result;
}

}  // namespace nntune::cli
