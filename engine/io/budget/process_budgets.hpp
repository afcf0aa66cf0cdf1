// The connect budgets of this process: engines with the same key share one, at once or one after
// the other, for the venue counts by address and not by engine.
//
// Owns:    a BudgetMemory for each key that is in use, or of whose attempts one began within the
//          last window: they hold under other numbers too, and where a file is named from then on,
//          or none any more.
// Threads: attach() and the end of a SharedBudget from any: they take a lock, at an engine's start
//          and end. A SharedBudget belongs to its loop, and takes none.
// Errors:  attach(): other numbers than those that an engine of this process runs with are a
//          ConfigError; what is wrong with a file is one line.
#pragma once

#include <cstdint>
#include <expected>
#include <havklo/config.hpp>
#include <havklo/shared_connect_budget.hpp>
#include <memory>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "io/budget/boot.hpp"
#include "io/budget/budget_memory.hpp"

namespace havklo::io {

// One engine's hold on a budget.
class SharedBudget final : public SharedConnectBudget {
 public:
  SharedBudget(std::shared_ptr<const BudgetMemory> memory, Duration window)
      : memory_(std::move(memory)), window_(window), scratch_(memory_->slots().size()) {}

  [[nodiscard]] Instant free_from(Instant earliest, uint32_t spare, Instant now) override;
  [[nodiscard]] Instant begin(uint32_t spare, Instant now) override;

 private:
  std::shared_ptr<const BudgetMemory> memory_;
  Duration window_;
  std::vector<int64_t> scratch_;
};

class ProcessBudgets {
 public:
  using Error = std::variant<ConfigError, std::string>;
  using Attached = std::expected<std::unique_ptr<SharedConnectBudget>, Error>;

  // Of the whole process.
  [[nodiscard]] static ProcessBudgets& instance();

  // `reconnect`: of the key's first session.
  [[nodiscard]] Attached attach(const BudgetKey& key, const ReconnectSettings& reconnect,
                                const Boot& boot);

  ProcessBudgets();
  ~ProcessBudgets();
  ProcessBudgets(const ProcessBudgets&) = delete;
  ProcessBudgets& operator=(const ProcessBudgets&) = delete;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace havklo::io
