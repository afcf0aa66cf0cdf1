// The engine on the caller's thread: a turn a call, its events handed over from a staging door.
#include <havklo/client.hpp>
#include <havklo/staging_door.hpp>

#include "client/live_engine.hpp"

namespace havklo {

struct InlineEngineClient::State {
  explicit State(uint32_t slots) : event_door(slots) {}

  StagingDoor event_door;
  client::LiveEngine live;
  bool finished = false;
};

template <class Client>
std::expected<std::unique_ptr<Client>, StartError> InlineEngineClient::start(
    const EngineSettings& settings) {
  using Made = std::expected<std::unique_ptr<Client>, StartError>;
  return client::or_out_of_memory([&]() -> Made {
    if (auto valid = validate(settings); !valid) {
      return std::unexpected(StartError{std::move(valid.error()), {}});
    }
    auto state = std::make_unique<State>(settings.ring_slots);
    if (auto ok = state->live.start(settings, state->event_door); !ok) {
      return std::unexpected(std::move(ok.error()));
    }
    State& started = *state;
    std::unique_ptr<Client> client(new Client(settings, std::move(state)));
    if (auto kept = started.live.keep_recording(); !kept) {
      return std::unexpected(std::move(kept.error()));
    }
    return client;
  });
}

std::expected<std::unique_ptr<InlineEngineClient>, StartError> InlineEngineClient::connect(
    const EngineSettings& settings) {
  return start<InlineEngineClient>(settings);
}

std::expected<std::unique_ptr<InlineKrakenClient>, StartError> InlineKrakenClient::connect(
    const Settings& settings) {
  return client::or_out_of_memory(
      [&] { return start<InlineKrakenClient>(EngineSettings(settings)); });
}

InlineEngineClient::InlineEngineClient(const EngineSettings& settings, std::unique_ptr<State> state)
    : EngineSessions(settings), state_(std::move(state)) {}

InlineEngineClient::~InlineEngineClient() {
  if (!state_->live.begun) return;
  // Again when the queue was full: the turn takes from it.
  for (bool asked = false; !closed(); static_cast<void>(turn())) asked = asked || close_all();
}

std::span<const Event> InlineEngineClient::turn() {
  if (state_->finished) return {};
  // connect() has tried what may be refused: what fails now may pass at the next turn.
  if (!state_->live.begun && !state_->live.begin()) return {};
  const TurnResult result = state_->live.turn();
  if (result.news && state_->live.engine->closed()) {
    state_->live.finish();
    state_->finished = true;
  }
  return state_->event_door.published();
}

std::expected<void, std::string> InlineEngineClient::recording() const {
  if (!closed()) return std::unexpected("the client is not closed");
  return state_->live.recording();
}

bool InlineEngineClient::closed() const { return state_->finished; }

const Names& InlineEngineClient::names() const { return state_->live.engine->names(); }

Duration InlineEngineClient::utc_offset() const { return io::SystemClock{}.utc_offset(); }

const NetworkChoice& InlineEngineClient::network() const {
  return state_->live.transport->network();
}

ClientCounters InlineEngineClient::counters() const { return state_->live.counters(); }

SessionCounters InlineEngineClient::counters(uint8_t session) const {
  static_cast<void>(EngineSessions::session(session));  // there must be one
  return state_->live.engine->counters(session);
}

std::expected<void, CommandError> InlineEngineClient::send(const Command& command) {
  if (closed() || state_->live.engine->closed(command.session)) {
    return std::unexpected(CommandError::closed);
  }
  return state_->live.push(command);
}

}  // namespace havklo
