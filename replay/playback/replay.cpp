// The player behind the public door.
#include <havklo/replay.hpp>
#include <optional>
#include <utility>

#include "replay/playback/difference.hpp"
#include "replay/playback/player.hpp"

namespace havklo {

struct Replay::State {
  explicit State(replay::Reader reader) : player(std::move(reader)) {}

  replay::Player player;
  ReplayEnd end = ReplayEnd::not_yet;
  std::optional<Instant> start;
  std::span<const Event> rest;  // of the turn under way, for poll() and fill()
};

Replay::Replay(std::unique_ptr<State> state) : state_(std::move(state)) {}
Replay::~Replay() = default;
Replay::Replay(Replay&&) noexcept = default;
Replay& Replay::operator=(Replay&&) noexcept = default;

std::expected<Replay, std::string> Replay::open(const std::string& path) {
  auto reader = replay::Reader::open(path);
  if (!reader) return std::unexpected(reader.error());
  return Replay(std::make_unique<State>(std::move(*reader)));
}

std::span<const Event> Replay::next_turn() {
  State& state = *state_;
  if (!state.rest.empty()) return std::exchange(state.rest, {});
  while (state.end == ReplayEnd::not_yet) {
    switch (state.player.step()) {
      case replay::Player::Status::turn:
        break;
      case replay::Player::Status::end:
        state.end = ReplayEnd::whole;
        return {};
      case replay::Player::Status::torn:
        state.end = ReplayEnd::torn;
        return {};
      case replay::Player::Status::differs:
        state.end = ReplayEnd::differs;
        return {};
    }
    if (!state.start) state.start = state.player.turn().now;
    if (!state.player.events().empty()) return state.player.events();
  }
  return {};
}

bool Replay::poll(Event& event) {
  State& state = *state_;
  if (state.rest.empty()) state.rest = next_turn();
  if (state.rest.empty()) return false;
  event = state.rest.front();
  state.rest = state.rest.subspan(1);
  return true;
}

bool Replay::fill(EventRing& ring) {
  State& state = *state_;
  for (;;) {
    if (state.rest.empty()) state.rest = next_turn();
    if (state.rest.empty()) return false;
    if (!ring.try_push(state.rest.front())) return true;
    state.rest = state.rest.subspan(1);
  }
}

ReplayEnd Replay::end() const { return state_->end; }

std::string Replay::message() const {
  const replay::PlayResult& result = state_->player.result();
  if (!result.difference) return result.torn;
  return replay::difference_text(*result.difference, names(), state_->start.value_or(Instant{}));
}

const Names& Replay::names() const { return state_->player.names(); }
const Settings& Replay::settings() const { return state_->player.header().settings; }
Duration Replay::utc_offset() const { return state_->player.header().utc_offset; }

}  // namespace havklo
