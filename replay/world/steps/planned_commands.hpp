// The commands door of a simulated world: what the user asks, when its time has come.
//
// Owns:       the planned commands, by time.
// Not owned:  time (set_now).
// Threads:    one.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <havklo/command.hpp>
#include <havklo/limits.hpp>
#include <vector>

#include "replay/world/scenario.hpp"

namespace havklo::replay {

class PlannedCommands final : public CommandDoor {
 public:
  explicit PlannedCommands(std::vector<PlannedCommand> commands) : commands_(std::move(commands)) {
    std::ranges::stable_sort(commands_, {}, &PlannedCommand::at);
  }
  // Behind those of the same instant.
  void add(const PlannedCommand& command) {
    const auto waiting = commands_.begin() + static_cast<std::ptrdiff_t>(next_);
    commands_.insert(
        std::ranges::upper_bound(waiting, commands_.end(), command.at, {}, &PlannedCommand::at),
        command);
  }
  void set_now(Instant now) { now_ = now; }
  [[nodiscard]] Instant next() const {
    return next_ < commands_.size() ? Instant{} + commands_[next_].at : Instant::never();
  }

  [[nodiscard]] const Command* peek() override {
    if (next() > now_) return nullptr;
    const PlannedCommand& planned = commands_[next_];
    Command& command = oldest_ = {};
    command.kind = planned.kind;
    command.channel = planned.channel;
    command.session = static_cast<uint8_t>(planned.session);
    command.depth = static_cast<uint16_t>(planned.depth);
    command.symbol_bytes =
        static_cast<uint8_t>(std::min<size_t>(planned.symbol.size(), symbol_bytes_max));
    std::copy_n(planned.symbol.begin(), command.symbol_bytes, command.symbol_text.begin());
    return &command;
  }
  void pop() override { ++next_; }

 private:
  std::vector<PlannedCommand> commands_;
  size_t next_ = 0;
  Command oldest_;
  Instant now_;
};

}  // namespace havklo::replay
