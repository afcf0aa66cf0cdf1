// Key by key.
#include "client/engine_budgets.hpp"

#include <algorithm>
#include <expected>
#include <havklo/shared_connect_budget.hpp>
#include <optional>
#include <string>
#include <utility>
#include <variant>

#include "io/budget/boot.hpp"
#include "io/budget/process_budgets.hpp"
#include "io/system_clock.hpp"

namespace havklo::client {
namespace {

StartError start_error(io::ProcessBudgets::Error error) {
  if (auto* config = std::get_if<ConfigError>(&error)) return {std::move(*config), {}};
  return {std::nullopt, std::move(std::get<std::string>(error))};
}

}  // namespace

std::expected<void, StartError> EngineBudgets::attach(std::span<const Settings> sessions) {
  const bool any_file = std::ranges::any_of(
      sessions, [](const Settings& session) { return session.reconnect.budget_file.has_value(); });
  // Memory of this process needs no boot.
  const auto boot = any_file
                        ? io::Boot::read()
                        : std::expected<io::Boot, std::string>({.now = io::SystemClock().now()});
  if (!boot) return std::unexpected(StartError{std::nullopt, boot.error()});
  const BudgetGroups groups = group_by_budget(sessions);
  for (uint32_t group = 0; group < groups.keys.size(); ++group) {
    const Settings& session = sessions[groups.first_of[group]];
    auto budget =
        io::ProcessBudgets::instance().attach(groups.keys[group], session.reconnect, *boot);
    if (!budget) return std::unexpected(start_error(std::move(budget.error())));
    doors_.push_back(budget->get());
    budgets_.push_back(std::move(*budget));
  }
  return {};
}

}  // namespace havklo::client
