#include "cli/command.h"

namespace nntune::cli {

// One line a command, in the order of the help: declare it here, define it in cli/NAME.cpp, list it below.
extern const Command kSearchCommand;
extern const Command kModelsCommand;
extern const Command kTargetCommand;
extern const Command kCompileCommand;
extern const Command kRunCommand;
extern const Command kEvalCommand;
extern const Command kBenchCommand;
extern const Command kExplainCommand;
extern const Command kWhyCommand;
extern const Command kReproCommand;
extern const Command kDbCommand;
extern const Command kMeasureCommand;
extern const Command kEgraphCommand;
extern const Command kWorkerCommand;

std::span<const Command* const> commands() {
  static constexpr const Command* kCommands[] = {
      &kSearchCommand, &kModelsCommand,  &kTargetCommand,  &kCompileCommand, &kRunCommand,
      &kEvalCommand,   &kBenchCommand,   &kExplainCommand, &kWhyCommand,     &kReproCommand,
      &kDbCommand,     &kMeasureCommand, &kEgraphCommand,  &kWorkerCommand,
  };
  return kCommands;
}

}  // namespace nntune::cli
