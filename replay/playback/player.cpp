// The doors, from a file.
#include "replay/playback/player.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cstring>
#include <havklo/engine.hpp>
#include <havklo/shared_connect_budget.hpp>
#include <memory>

#include "replay/playback/playback_budget.hpp"
#include "replay/playback/recorded_room.hpp"
#include "replay/recording/event_digest.hpp"
#include "replay/recording/old_event_digest.hpp"
#include "replay/recording/shared_ring.hpp"
#include "replay/text/counted.hpp"
#include "replay/text/duration.hpp"
#include "replay/text/printable.hpp"
#include "replay/text/session_names.hpp"

namespace havklo::replay {
namespace {

class RecordedTransport final : public Transport {
 public:
  const RecordedTurn* turn = nullptr;
  RequestObserver* observer = nullptr;

  void open(ConnectionId id, const OpenRequest& request) override {
    if (observer != nullptr) observer->on_open(id, request);
  }
  void send(ConnectionId id, std::span<const std::byte> bytes) override {
    if (observer != nullptr) observer->on_send(id, bytes);
  }
  void close(ConnectionId id) override {
    if (observer != nullptr) observer->on_close(id);
  }
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

  [[nodiscard]] const Command* peek() override {
    return taken == turn->commands.size() ? nullptr : &turn->commands[taken];
  }
  void pop() override { ++taken; }
};

// Of the events so far, as the recording's format has it.
class RecordedDigest {
 public:
  explicit RecordedDigest(uint32_t format) : is_old_(format < format_with_short_entries) {}
  void add(std::span<const Event> events) {
    if (is_old_) {
      for (const Event& event : events) old_.add(event);
    } else {
      for (const Event& event : events) now_.add(event);
    }
  }
  [[nodiscard]] uint64_t value() const { return is_old_ ? old_.value() : now_.value(); }

 private:
  bool is_old_;
  OldEventDigest old_;
  EventDigest now_;
};

// Of the inputs of a turn that differs: as many as one can look through.
constexpr size_t inputs_shown = 100;

std::string describe(const Command& command) {
  constexpr std::array<std::string_view, 4> names = {"subscribe", "unsubscribe", "reconnect",
                                                     "close"};
  return fmt::format("command {} {} {}", names[static_cast<size_t>(command.kind)],
                     to_string(command.channel), printable(command.symbol()));
}

// What came, as far as it is text: a frame's payload, an HTTP head.
std::string readable_bytes(std::span<const std::byte> bytes) {
  constexpr size_t shown_max = 400;
  std::string text;
  for (const std::byte byte : bytes.first(std::min(bytes.size(), shown_max))) {
    const char c = static_cast<char>(byte);
    const bool printable = c >= ' ' && c <= '~';
    text += printable ? c : '.';
  }
  if (bytes.size() > shown_max) text += "…";
  return text;
}

std::string describe(const Completion& completion, const SessionNames& names) {
  std::string id = fmt::to_string(static_cast<uint32_t>(completion.connection));
  if (const std::string name = names.of(completion.connection); !name.empty()) id += " " + name;
  const bool is_certificate = completion.certificate != CertificateFault::none;
  switch (completion.kind) {
    case Completion::Kind::opened:
      return fmt::format("connection {} opened", id);
    case Completion::Kind::received:
      return fmt::format("connection {} received {}: {}", id,
                         counted(completion.bytes.size(), "byte"),
                         readable_bytes(completion.bytes));
    case Completion::Kind::sent:
      return fmt::format("connection {} sent {}", id, counted(completion.sent_bytes, "byte"));
    case Completion::Kind::closed:
      return fmt::format("connection {} closed: {}{}{}, errno {}", id, to_string(completion.reason),
                         is_certificate ? ": " : "",
                         is_certificate ? to_string(completion.certificate) : "",
                         completion.os_error);
  }
  return "";
}

std::string describe(const RecordedBudgetAnswer& answer) {
  return fmt::format("connect budget: others leave no place for {}", to_text(answer.wait));
}

}  // namespace

const Event* Difference::recorded(size_t index) const {
  const auto found = std::ranges::lower_bound(kept, index, {}, &RecordedEvent::index);
  return found != kept.end() && found->index == index ? &found->event : nullptr;
}

std::optional<size_t> Difference::first() const {
  const size_t common = std::min<size_t>(recorded_count, replayed.size());
  for (size_t i = 0; i < common; ++i) {
    const Event* const expected = recorded(i);
    if ((expected != nullptr) == is_market(replayed[i].kind)) return i;
    if (expected == nullptr) continue;
    if (std::memcmp(static_cast<const void*>(expected), static_cast<const void*>(&replayed[i]),
                    sizeof(Event)) != 0) {
      return i;
    }
  }
  if (recorded_count != replayed.size()) return common;
  return std::nullopt;
}

struct Player::State {
  explicit State(Reader given)
      : reader(std::move(given)),
        sessions(reader.header().sessions()),
        room(shared_ring_slots(sessions)),
        budgets(group_by_budget(sessions).first_of.size(), &budget),
        engine(sessions, Doors{clock, transport, commands, room, nullptr, reader.header().seed,
                               nullptr, std::nullopt, budgets}),
        digest(reader.header().format) {}

  [[nodiscard]] bool block_agrees();
  void differ(uint64_t recorded_digest, uint64_t replayed_digest);

  Reader reader;
  std::vector<Settings> sessions;
  ManualClock clock;
  RecordedTransport transport;
  RecordedCommands commands;
  RecordedRoom room;
  PlaybackBudget budget;
  std::vector<SharedConnectBudget*> budgets;
  Engine engine;
  RecordedTurn turn;
  RecordedDigest digest;
  PlayResult result;
};

Player::Player(Reader reader) : state_(std::make_unique<State>(std::move(reader))) {}

Player::~Player() = default;
Player::Player(Player&&) noexcept = default;
Player& Player::operator=(Player&&) noexcept = default;

void Player::observe(RequestObserver* observer) { state_->transport.observer = observer; }

const RecordedTurn& Player::turn() const { return state_->turn; }

std::span<const Event> Player::events() const { return state_->room.events(); }

const Names& Player::names() const { return state_->engine.names(); }

Instant Player::next_deadline() const { return state_->engine.next_deadline(); }

const RecordingHeader& Player::header() const { return state_->reader.header(); }

const Reader& Player::reader() const { return state_->reader; }

const PlayResult& Player::result() const { return state_->result; }

Player::Status Player::read() {
  State& state = *state_;
  state.room.published = 0;
  const Reader::Status status = state.reader.next(state.turn);
  if (!state.block_agrees()) return Status::differs;
  switch (status) {
    case Reader::Status::turn:
      return Status::turn;
    case Reader::Status::end:
      return Status::end;
    case Reader::Status::torn:
      break;
  }
  state.result.torn = state.reader.lost();
  return Status::torn;
}

Player::Status Player::run_turn() {
  State& state = *state_;
  const RecordedTurn& turn = state.turn;
  state.clock.set(turn.now);
  if (turn.utc_offset) state.clock.set_utc_offset(*turn.utc_offset);
  state.transport.turn = &turn;
  state.commands.turn = &turn;
  state.commands.taken = 0;
  state.budget.begin_turn(turn);
  state.room.room = std::min(turn.room, static_cast<uint32_t>(state.room.size()));
  static_cast<void>(state.engine.turn());

  const std::span<const Event> events = state.room.events();
  ++state.result.turns;
  state.result.events += events.size();
  state.digest.add(events);
  if (events.empty() && turn.event_count == 0) return Status::turn;
  const auto low = static_cast<uint32_t>(state.digest.value());
  if (events.size() == turn.event_count && low == turn.digest_low) return Status::turn;
  state.differ(turn.digest_low, low);
  return Status::differs;
}

PlayResult Player::run(const OnEvent& on_event) {
  for (;;) {
    const Status status = step();
    if (on_event) {
      for (const Event& event : events()) on_event(event, names());
    }
    if (status != Status::turn) return result();
  }
}

// The reader knows of a block's end once it has gone beyond it: before the turn that it just read.
bool Player::State::block_agrees() {
  const BlockEnd& block = reader.last_block();
  if (block.turns != result.turns) return true;
  if (block.events == result.events && block.digest == digest.value()) return true;
  differ(block.digest, digest.value());
  result.difference->at_block_end = true;
  result.difference->turn = block.turns;
  return false;
}

void Player::State::differ(uint64_t recorded_digest, uint64_t replayed_digest) {
  Difference difference{.turn = turn.number,
                        .now = turn.now,
                        .recorded_digest = recorded_digest,
                        .replayed_digest = replayed_digest,
                        .inputs = {},
                        .recorded_count = turn.event_count,
                        .kept = turn.kept_events,
                        .replayed = {room.events().begin(), room.events().end()}};
  const SessionNames names(sessions);
  const auto add = [&difference](std::string input) {
    if (difference.inputs.size() < inputs_shown) difference.inputs.push_back(std::move(input));
  };
  for (const Command& command : turn.commands) add(describe(command));
  for (const Completion& each : turn.completions) add(describe(each, names));
  for (const RecordedBudgetAnswer& each : turn.budget_answers) add(describe(each));
  const size_t inputs = turn.commands.size() + turn.completions.size() + turn.budget_answers.size();
  if (inputs > inputs_shown) {
    difference.inputs.push_back(fmt::format("… and {} more", inputs - inputs_shown));
  }
  if (inputs == 0) difference.inputs.emplace_back("the clock: a timer was due");
  result.difference = std::move(difference);
}

}  // namespace havklo::replay
