// The five doors, from a file.
#include "replay/player.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <bit>
#include <memory>

#include "core/engine.hpp"
#include "replay/event_digest.hpp"

namespace havklo::replay {
namespace {

class RecordedTransport final : public Transport {
 public:
  const RecordedTurn* turn = nullptr;

  void open(ConnectionId, const OpenRequest&) override {}
  void send(ConnectionId, std::span<const std::byte>) override {}
  void close(ConnectionId) override {}
  uint32_t poll(CompletionSink& sink, uint32_t) override {
    for (const Completion& completion : turn->completions) sink.on_completion(completion);
    return static_cast<uint32_t>(turn->completions.size());
  }
  void flush() override {}
};

class RecordedCommands final : public CommandDoor {
 public:
  const RecordedTurn* turn = nullptr;
  size_t taken = 0;

  [[nodiscard]] bool peek(Command& command) override {
    if (taken == turn->commands.size()) return false;
    command = turn->commands[taken];
    return true;
  }
  void pop() override { ++taken; }
};

// As much room as there was, and the last turn's events.
class RecordedRoom final : public EventDoor {
 public:
  explicit RecordedRoom(uint32_t slots) : slots_(slots) {}
  uint32_t room = 0;
  uint32_t published = 0;

  [[nodiscard]] EventWindow window() override {
    published = 0;
    return {.slots = slots_.data(), .mask = slots_.size() - 1, .first = 0, .room = room};
  }
  void publish(uint32_t count) override { published = count; }
  [[nodiscard]] std::span<const Event> events() const { return std::span(slots_).first(published); }
  [[nodiscard]] size_t size() const { return slots_.size(); }

 private:
  std::vector<Event> slots_;
};

std::string describe(const Command& command) {
  constexpr std::array<std::string_view, 4> names = {"subscribe", "unsubscribe", "reconnect",
                                                     "close"};
  return fmt::format("command {} {} {}", names[static_cast<size_t>(command.kind)],
                     to_string(command.channel), command.symbol());
}

std::string describe(const Completion& completion) {
  const auto id = static_cast<uint32_t>(completion.connection);
  switch (completion.kind) {
    case Completion::Kind::opened:
      return fmt::format("connection {} opened", id);
    case Completion::Kind::received:
      return fmt::format("connection {} received {} bytes", id, completion.bytes.size());
    case Completion::Kind::sent:
      return fmt::format("connection {} sent {} bytes", id, completion.sent_bytes);
    case Completion::Kind::closed:
      return fmt::format("connection {} closed: {}, errno {}", id, to_string(completion.reason),
                         completion.os_error);
  }
  return "";
}

}  // namespace

struct Player::State {
  explicit State(Reader given)
      : reader(std::move(given)),
        room(std::bit_ceil(reader.header().settings.ring_slots)),
        engine(std::span(&reader.header().settings, 1),
               core::Doors{clock, transport, commands, room, nullptr, reader.header().seed}) {}

  [[nodiscard]] Difference differ(uint32_t replayed_digest) const;

  Reader reader;
  ManualClock clock;
  RecordedTransport transport;
  RecordedCommands commands;
  RecordedRoom room;
  core::Engine engine;
  RecordedTurn turn;
  EventDigest digest;
};

Player::Player(Reader reader) : state_(std::make_unique<State>(std::move(reader))) {}

Player::~Player() = default;

const Names& Player::names() const { return state_->engine.names(); }

const RecordingHeader& Player::header() const { return state_->reader.header(); }

PlayResult Player::run(const OnEvent& on_event, const OnTurn& on_turn) {
  State& state = *state_;
  PlayResult result;
  for (;;) {
    const Reader::Status status = state.reader.next(state.turn);
    if (status == Reader::Status::torn) result.torn = state.reader.lost();
    if (status != Reader::Status::turn) return result;
    if (on_turn) on_turn(state.turn.now);
    state.clock.set(state.turn.now);
    if (state.turn.utc_offset) state.clock.set_utc_offset(*state.turn.utc_offset);
    state.transport.turn = &state.turn;
    state.commands.turn = &state.turn;
    state.commands.taken = 0;
    state.room.room = std::min(state.turn.room, static_cast<uint32_t>(state.room.size()));
    static_cast<void>(state.engine.turn());

    for (const Event& event : state.room.events()) state.digest.add(event);
    const auto low = static_cast<uint32_t>(state.digest.value());
    const bool same = state.room.published == state.turn.event_count &&
                      (state.turn.event_count == 0 || low == state.turn.digest_low);
    if (on_event) {
      for (const Event& event : state.room.events()) on_event(event, state.engine.names());
    }
    ++result.turns;
    result.events += state.room.published;
    if (!same) {
      result.difference = state.differ(low);
      return result;
    }
  }
}

Difference Player::State::differ(uint32_t replayed_digest) const {
  Difference difference{.turn = turn.number,
                        .now = turn.now,
                        .recorded_events = turn.event_count,
                        .recorded_digest = turn.digest_low,
                        .replayed_digest = replayed_digest,
                        .inputs = {},
                        .events = {room.events().begin(), room.events().end()}};
  for (const Command& command : turn.commands) difference.inputs.push_back(describe(command));
  for (const Completion& each : turn.completions) difference.inputs.push_back(describe(each));
  return difference;
}

}  // namespace havklo::replay
