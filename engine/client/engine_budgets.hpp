// The budget doors of a live engine: for each key of its sessions what this process, or a file,
// shares.
//
// Owns:    its holds on the budgets; they end with it.
// Threads: any, one at a time; doors() are the loop's.
#pragma once

#include <expected>
#include <havklo/client.hpp>
#include <havklo/shared_connect_budget.hpp>
#include <memory>
#include <span>
#include <vector>

namespace havklo::client {

class EngineBudgets {
 public:
  // Of valid settings; once. What does not fit what others in this process run with, or the file
  // that is named, is a StartError.
  [[nodiscard]] std::expected<void, StartError> attach(std::span<const Settings> sessions);

  // In the order that core::Doors asks for.
  [[nodiscard]] std::span<SharedConnectBudget* const> doors() const { return doors_; }

 private:
  std::vector<std::unique_ptr<SharedConnectBudget>> budgets_;
  std::vector<SharedConnectBudget*> doors_;
};

}  // namespace havklo::client
