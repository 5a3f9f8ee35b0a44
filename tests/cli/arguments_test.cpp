#include "cli/arguments.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace nntune::cli {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

Options declared() {
  Options options("nntune test", "tests", "FILE [--json]");
  options.flag("json", "print JSON");
  options.add("n,number", "a number", "N", "128");
  options.add("text", "a text", "TEXT");
  options.add_list("family", "of rules", "NAME,...");
  options.add("file", "a file", "FILE");
  options.positional({"file"});
  return options;
}

Expected<Arguments> parse(std::vector<const char*> arguments) {
  arguments.insert(arguments.begin(), "nntune test");
  return declared().parse(static_cast<int>(arguments.size()), arguments.data());
}

TEST(Arguments, WhatIsNotGivenIsTheStandardOrNothing) {
  const auto arguments = parse({});
  ASSERT_TRUE(arguments) << arguments.error().message();
  for (const char* name : {"json", "number", "text", "family", "file", "help"}) EXPECT_FALSE(arguments->has(name)) << name;
  EXPECT_EQ(arguments->text("number"), "128");
  EXPECT_EQ(arguments->text("text"), "");
  EXPECT_TRUE(arguments->list("family").empty());
  EXPECT_EQ(arguments->as_typed(), "");
}

TEST(Arguments, AreTakenAsPeopleWriteThem) {
  const auto arguments = parse({"a file", "-n5", "--json", "--text=-x = 3", "--family", "a,b", "--family", "c"});
  ASSERT_TRUE(arguments) << arguments.error().message();
  EXPECT_TRUE(arguments->has("json"));
  EXPECT_EQ(arguments->text("file"), "a file");
  EXPECT_EQ(arguments->text("number"), "5");
  EXPECT_EQ(arguments->text("text"), "-x = 3");
  EXPECT_THAT(arguments->list("family"), ElementsAre("a", "b", "c"));
}

TEST(Arguments, AnyValueWorks) {
  const std::string long_one(1'000'000, 'x');
  for (const std::string& value : {std::string(), long_one, std::string("two\nlines\n"), std::string("=a=b"),
                                   std::string("\xff\xfe"), std::string("--json"), std::string("caf\u00e9")}) {
    const std::string joined = "--text=" + value;
    const auto arguments = parse({joined.c_str(), "--json"});
    ASSERT_TRUE(arguments) << arguments.error().message();
    EXPECT_EQ(arguments->text("text"), value);
    const auto apart = parse({"--text", value.c_str(), "--json"});
    if (value == "--json") continue;  // an option where a value is missing
    ASSERT_TRUE(apart) << apart.error().message();
    EXPECT_EQ(apart->text("text"), value);
  }
}

TEST(Arguments, TheLastOfSeveralTextsCounts) {
  const auto arguments = parse({"-n", "1", "--number", "-2"});
  ASSERT_TRUE(arguments) << arguments.error().message();
  EXPECT_EQ(arguments->text("number"), "-2");
  EXPECT_EQ(arguments->as_typed(), "--number 1 --number -2");
}

TEST(Arguments, WrongOnesAreOneLineWithAHint) {
  const std::vector<std::pair<std::vector<const char*>, const char*>> wrong = {
      {{"--jsn"}, "'jsn'"}, {{"a", "b"}, "unexpected argument 'b'"}, {{"--number"}, "'number'"}};
  for (const auto& [arguments, what] : wrong) {
    const auto parsed = parse(arguments);
    ASSERT_FALSE(parsed);
    EXPECT_EQ(parsed.error().kind, ErrorKind::usage);
    EXPECT_THAT(parsed.error().what, HasSubstr(what));
    EXPECT_EQ(parsed.error().hint, "see `nntune test --help`");
  }
}

TEST(Arguments, HelpIsGivenWhateverElseIs) {
  const auto arguments = parse({"a", "b", "-h"});
  ASSERT_TRUE(arguments) << arguments.error().message();
  EXPECT_TRUE(arguments->has("help"));
  const std::string help = declared().help();
  for (const char* line :
       {"nntune test FILE [--json]", "-h, --help", "-n, --number N", "(default: 128)", "--family NAME,..."}) {
    EXPECT_THAT(help, HasSubstr(line));
  }
}

TEST(Arguments, TheValueOfAnOptionThatIsNotTakenIsABug) {
  const auto arguments = parse({});
  ASSERT_TRUE(arguments);
  EXPECT_FALSE(arguments->has("colour"));
  EXPECT_THROW(static_cast<void>(arguments->text("colour")), std::out_of_range);
}

}  // namespace
}  // namespace nntune::cli
