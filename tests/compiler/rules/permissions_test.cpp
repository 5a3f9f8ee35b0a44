#include "compiler/rules/permissions.h"

#include <gmock/gmock.h>

#include <set>

#include "compiler/rules/registry.h"

namespace nntune::rules {
namespace {

using ::testing::HasSubstr;

TEST(Permissions, AreOffByDefaultAndHaveNamesOfTheirOwn) {
  std::set<std::string_view> names;
  const RuleOptions options;
  for (const Permission& permission : permissions()) {
    EXPECT_FALSE(options.*permission.member) << permission.name;
    EXPECT_TRUE(names.insert(permission.name).second) << permission.name;
    EXPECT_EQ(*find_permission(permission.name), &permission);
  }
}

TEST(Permissions, AnUnknownOneIsWrongUsageAndNamesAll) {
  const auto unknown = find_permission("speed");
  ASSERT_FALSE(unknown);
  EXPECT_EQ(unknown.error().kind, ErrorKind::usage);
  for (const Permission& permission : permissions()) EXPECT_THAT(unknown.error().hint, HasSubstr(permission.name));
}

// A rule that needs what no name gives could never run, and a name that no rule needs would promise nothing.
TEST(Permissions, AreThoseThatRulesNeed) {
  std::set<std::string_view> needed;
  for (const Family& family : families()) {
    for (const Rule& rule : family.rules) {
      const Permission* const permission = permission_of_rule(rule.name);
      EXPECT_EQ(permission != nullptr, rule.needs != nullptr) << rule.name;
      if (permission == nullptr) continue;
      EXPECT_EQ(permission->member, rule.needs) << rule.name;
      needed.insert(permission->name);
    }
  }
  EXPECT_EQ(needed.size(), permissions().size());
  EXPECT_EQ(permission_of_rule("no-such-rule"), nullptr);
}

TEST(Permissions, WithoutThemTheirRulesDoNotRun) {
  for (const Permission& permission : permissions()) {
    RuleOptions options;
    options.*permission.member = true;
    for (const bool given : {false, true}) {
      egraph::SymbolTable symbols;
      Language language;
      const auto rules = enabled_rules(symbols, language, given ? options : RuleOptions());
      ASSERT_TRUE(rules);
      std::size_t found = 0;
      for (const egraph::Rewrite& rule : *rules) found += permission_of_rule(rule.name) == &permission ? 1 : 0;
      EXPECT_EQ(found > 0, given) << permission.name;
    }
  }
}

}  // namespace
}  // namespace nntune::rules
