// The engine on the caller's thread: a turn a call, its events handed over from a staging door.
#include <havklo/client.hpp>
#include <havklo/staging_door.hpp>

#include "client/live_engine.hpp"

namespace havklo {

struct InlineKrakenClient::State {
  explicit State(uint32_t slots) : event_door(slots) {}

  StagingDoor event_door;
  client::LiveEngine live;
  bool finished = false;
};

std::expected<std::unique_ptr<InlineKrakenClient>, StartError> InlineKrakenClient::connect(
    const Settings& settings) {
  using Made = std::expected<std::unique_ptr<InlineKrakenClient>, StartError>;
  return client::or_out_of_memory([&]() -> Made {
    if (auto valid = validate(settings); !valid) {
      return std::unexpected(StartError{std::move(valid.error()), {}});
    }
    auto state = std::make_unique<State>(settings.ring_slots);
    if (auto ok = state->live.start(settings, state->event_door); !ok) {
      return std::unexpected(std::move(ok.error()));
    }
    std::unique_ptr<InlineKrakenClient> client(new InlineKrakenClient(settings, std::move(state)));
    if (auto kept = client->state_->live.keep_recording(); !kept) {
      return std::unexpected(std::move(kept.error()));
    }
    return client;
  });
}

InlineKrakenClient::InlineKrakenClient(const Settings& settings, std::unique_ptr<State> state)
    : ClientCommands(settings), state_(std::move(state)) {}

InlineKrakenClient::~InlineKrakenClient() {
  if (!state_->live.begun) return;
  // Again when the queue was full: the turn takes from it.
  for (bool asked = false; !closed(); static_cast<void>(turn())) {
    asked = asked || close().has_value();
  }
}

std::span<const Event> InlineKrakenClient::turn() {
  if (state_->finished) return {};
  // connect() has tried what may be refused: what fails now may pass at the next turn.
  if (!state_->live.begun && !state_->live.begin()) return {};
  static_cast<void>(state_->live.turn());
  if (state_->live.engine->closed()) {
    state_->live.finish();
    state_->finished = true;
  }
  return state_->event_door.published();
}

std::expected<void, std::string> InlineKrakenClient::recording() const {
  if (!closed()) return std::unexpected("the client is not closed");
  return state_->live.recording();
}

bool InlineKrakenClient::closed() const { return state_->finished; }

const Names& InlineKrakenClient::names() const { return state_->live.engine->names(); }

const NetworkChoice& InlineKrakenClient::network() const {
  return state_->live.transport->network();
}

ClientCounters InlineKrakenClient::counters() const { return state_->live.counters(); }

std::expected<void, CommandError> InlineKrakenClient::send(const Command& command) {
  if (closed()) return std::unexpected(CommandError::closed);
  return state_->live.push(command);
}

}  // namespace havklo
