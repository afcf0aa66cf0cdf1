// Wires the doors to the core: the only file that knows both.
#include <algorithm>
#include <atomic>
#include <chrono>
#include <future>
#include <havklo/client.hpp>
#include <havklo/event_ring.hpp>
#include <havklo/recording.hpp>
#include <havklo/spsc_ring.hpp>
#include <thread>

#include "core/engine.hpp"
#include "core/ring_doors.hpp"
#include "core/staging_door.hpp"
#include "io/affinity.hpp"
#include "io/entropy.hpp"
#include "io/live_transport.hpp"
#include "io/system_clock.hpp"
#include "io/turn_times.hpp"

namespace havklo {
namespace {

constexpr size_t command_slots = 256;

// A parked loop looks at what has no wake-up (room in the ring) at least so often.
constexpr Duration room_poll_interval = Duration::milliseconds(1);
constexpr Duration park_max = Duration::seconds(1);
// How often wait_live() looks. The loop waits for room now and then, for a turn; in so many looks,
// one after the other, it does only when nobody reads.
constexpr std::chrono::microseconds look_interval{200};
constexpr uint32_t full_looks_max = 250;

// What is left after Closed: a close frame or a FIN on its way.
constexpr Duration drain_time = Duration::milliseconds(50);

// An engine and its live doors; the events door differs between the two forms of client.
struct LiveEngine {
  LiveEngine() = default;
  // The kernel must have let go of the recorder's blocks before they go.
  ~LiveEngine() {
    engine.reset();
    if (recorder) recorder->finish();
    transport.reset();
  }
  LiveEngine(const LiveEngine&) = delete;
  LiveEngine& operator=(const LiveEngine&) = delete;

  std::expected<void, StartError> start(const Settings& given, EventDoor& events) {
    if (auto valid = validate(given); !valid) return std::unexpected(StartError{valid.error(), {}});
    settings = given;
    const auto refuse = [](std::string what) {
      return std::unexpected(StartError{std::nullopt, std::move(what)});
    };
    if (!settings.seed) {
      const auto seed = io::seed_from_kernel();
      if (!seed) return refuse(seed.error());
      settings.seed = *seed;
    }
    auto made = io::LiveTransport::create({.network = settings.network,
                                           .tls = parse_url(settings.url)->tls,
                                           .ca_file = settings.ca_file,
                                           .connections_max = 2,
                                           .uring = {}});
    if (!made) return refuse(made.error());
    transport = std::move(*made);
    if (!settings.recording.path.empty()) {
      auto recording = Recorder::create(settings.recording.path, settings, *settings.seed,
                                        clock.utc_offset(), *transport);
      if (!recording) return refuse(recording.error());
      recorder = std::move(*recording);
      transport->receive_into(*recorder);
    }
    engine = std::make_unique<core::Engine>(
        std::span(&settings, 1), core::Doors{clock, *transport, command_door, events,
                                             recorder.get(), *settings.seed, &transport->phases()});
    return {};
  }

  core::TurnResult turn() {
    const core::TurnResult result = engine->turn();
    turn_times.turn_began(result.now);
    return result;
  }
  void park(Duration at_most) {
    transport->park(at_most);
    turn_times.slept();
  }

  [[nodiscard]] ClientCounters counters() const {
    const io::PhaseRecorder& phases = std::as_const(*transport).phases();
    ClientCounters counters;
    for (size_t i = 0; i < phase_count; ++i) {
      counters.phases[i] = phases.summary(static_cast<MessagePhase>(i));
    }
    counters.read = phases.read_summary();
    counters.kernel_entries = std::as_const(*transport).counters().kernel_entries;
    counters.socket_calls = transport->socket_counters().calls;
    counters.socket_calls_empty = transport->socket_counters().empty_calls;
    counters.turns = turn_times.turns();
    counters.longest_turn_ns = turn_times.longest_ns();
    counters.turns_over_budget = turn_times.over_budget();
    return counters;
  }

  // After Closed, by the loop's thread: lets the network and the disk have what is theirs.
  void finish() {
    transport->drain(drain_time);
    if (recorder) recorder->finish();
    transport->stop_on_this_thread();
  }

  [[nodiscard]] std::expected<void, std::string> recording() const {
    if (!recorder) return {};
    return recorder->outcome();
  }

  std::expected<void, CommandError> push(const Command& command) {
    if (!commands.try_push(command)) return std::unexpected(CommandError::queue_full);
    return {};
  }

  Settings settings;
  io::SystemClock clock;
  std::unique_ptr<io::LiveTransport> transport;
  std::unique_ptr<Recorder> recorder;
  SpscRing<Command> commands{command_slots};
  core::RingCommandDoor command_door{commands};
  std::unique_ptr<core::Engine> engine;
  io::TurnTimes turn_times;
};

Command simple_command(Command::Kind kind) {
  Command command;
  command.kind = kind;
  return command;
}

}  // namespace

std::string NotLive::message() const {
  std::string text = closed ? "the client has closed" : "not live yet";
  if (ring_full) text += ": the ring is full: read events, or with_ring_slots()";
  if (reason != Reason::none)
    text.append("; the last connection ended by ").append(to_string(reason));
  return text;
}

std::string_view to_string(CommandError error) {
  switch (error) {
    case CommandError::queue_full:
      return "too many commands at once: try again";
    case CommandError::symbol_invalid:
      return "a symbol must be BASE/QUOTE, as \"BTC/USD\"";
    case CommandError::depth_invalid:
      return "a depth must be 10, 25, 100, 500 or 1000";
    case CommandError::too_many_subscriptions:
      return "the ring is too small for another subscription: with_ring_slots()";
    case CommandError::too_many_symbols:
      return "the engine can name no more symbols: 4096 in a client's life";
    case CommandError::closed:
      return "the client is closed";
  }
  return "unknown";
}

// Commands.

ClientCommands::ClientCommands(const Settings& settings) : ring_slots_(settings.ring_slots) {
  for (const SubscriptionSettings& each : settings.subscriptions) {
    if (each.channel == Channel::book) depth_max_ = std::max(depth_max_, each.depth);
    for (const std::string& symbol : each.symbols) {
      wanted_.emplace(each.channel, symbol);
      named_.insert(symbol);
    }
  }
}

std::expected<void, CommandError> ClientCommands::subscribe(Channel channel,
                                                            std::string_view symbol,
                                                            uint32_t depth) {
  if (!is_valid_symbol(symbol)) return std::unexpected(CommandError::symbol_invalid);
  if (channel == Channel::book && !is_valid_depth(depth)) {
    return std::unexpected(CommandError::depth_invalid);
  }
  const uint32_t deepest = channel == Channel::book ? std::max(depth_max_, depth) : depth_max_;
  const bool is_new = !wanted_.contains({channel, std::string(symbol)});
  if (wanted_.size() + (is_new ? 1 : 0) > subscriptions_max(ring_slots_, deepest)) {
    return std::unexpected(CommandError::too_many_subscriptions);
  }
  if (named_.size() == symbols_max && !named_.contains(symbol)) {
    return std::unexpected(CommandError::too_many_symbols);
  }
  Command command = simple_command(Command::Kind::subscribe);
  command.channel = channel;
  command.depth = static_cast<uint16_t>(depth);
  command.symbol_bytes = static_cast<uint8_t>(symbol.size());
  std::ranges::copy(symbol, command.symbol_text.begin());
  if (auto sent = send(command); !sent) return sent;
  depth_max_ = deepest;
  wanted_.emplace(channel, symbol);
  named_.emplace(symbol);
  return {};
}

std::expected<void, CommandError> ClientCommands::unsubscribe(Channel channel,
                                                              std::string_view symbol) {
  if (!is_valid_symbol(symbol)) return std::unexpected(CommandError::symbol_invalid);
  Command command = simple_command(Command::Kind::unsubscribe);
  command.channel = channel;
  command.symbol_bytes = static_cast<uint8_t>(symbol.size());
  std::ranges::copy(symbol, command.symbol_text.begin());
  if (auto sent = send(command); !sent) return sent;
  wanted_.erase({channel, std::string(symbol)});
  return {};
}

std::expected<void, CommandError> ClientCommands::reconnect() {
  return send(simple_command(Command::Kind::reconnect));
}

std::expected<void, CommandError> ClientCommands::close() {
  return send(simple_command(Command::Kind::close));
}

// The engine on a thread of its own.

struct KrakenClient::State {
  explicit State(uint32_t ring_slots) : ring(ring_slots), event_door(ring) {}

  void run(std::promise<std::expected<void, std::string>> started);
  void park(const core::TurnResult& turn);
  void tell(bool is_closed);

  EventRing ring;
  core::RingEventDoor event_door;
  LiveEngine live;
  // What wait_live() and closed() read: written by the loop when it changes.
  std::atomic<bool> has_been_live{false};
  std::atomic<bool> closed{false};
  std::atomic<bool> ring_full{false};
  std::atomic<Reason> last_loss{Reason::none};
  std::thread thread;
};

void KrakenClient::State::run(std::promise<std::expected<void, std::string>> started) {
  if (live.settings.cpu) {
    if (auto pinned = io::pin_this_thread(*live.settings.cpu); !pinned) {
      return started.set_value(pinned);
    }
  }
  live.transport->start_on_this_thread();
  started.set_value({});
  const bool parks = live.settings.idle == Idle::park;
  bool full = false;
  for (;;) {
    const core::TurnResult turn = live.turn();
    if (live.engine->waits_for_room() != full) {
      full = !full;
      ring_full.store(full, std::memory_order_relaxed);
    }
    if (turn.events != 0) {
      const bool is_closed = live.engine->closed();
      if (is_closed) break;
      tell(false);
    } else if (parks && turn.inputs == 0 && !turn.more_due) {
      park(turn);
    }
  }
  live.finish();
  tell(true);
}

void KrakenClient::State::park(const core::TurnResult& turn) {
  Duration wait = live.engine->next_deadline() - turn.now;
  wait = std::min(wait, live.engine->waits_for_room() ? room_poll_interval : park_max);
  if (live.recorder) wait = std::min(wait, live.recorder->next_deadline() - turn.now);
  live.park(wait);
}

void KrakenClient::State::tell(bool is_closed) {
  last_loss.store(live.engine->last_loss(), std::memory_order_relaxed);
  // Pairs with the acquire in wait_live() and closed(): the reason is known before.
  has_been_live.store(live.engine->has_been_live(), std::memory_order_release);
  closed.store(is_closed, std::memory_order_release);
}

KrakenClientBuilder KrakenClient::builder(std::vector<std::string> symbols) {
  return KrakenClientBuilder(std::move(symbols));
}

std::expected<std::unique_ptr<KrakenClient>, StartError> KrakenClient::connect(
    const Settings& settings) {
  if (auto valid = validate(settings); !valid) {
    return std::unexpected(StartError{valid.error(), {}});  // before a ring is made of them
  }
  auto state = std::make_unique<State>(settings.ring_slots);
  if (auto ok = state->live.start(settings, state->event_door); !ok) {
    return std::unexpected(ok.error());
  }
  std::promise<std::expected<void, std::string>> promise;
  auto started = promise.get_future();
  state->thread = std::thread(
      [raw = state.get(), told = std::move(promise)]() mutable { raw->run(std::move(told)); });
  if (auto ok = started.get(); !ok) {
    state->thread.join();
    return std::unexpected(StartError{std::nullopt, ok.error()});
  }
  return std::unique_ptr<KrakenClient>(new KrakenClient(settings, std::move(state)));
}

KrakenClient::KrakenClient(const Settings& settings, std::unique_ptr<State> state)
    : ClientCommands(settings), state_(std::move(state)) {}

KrakenClient::~KrakenClient() {
  while (!closed()) {
    if (close()) break;
    std::this_thread::yield();  // the queue is full: the engine is taking from it
  }
  state_->thread.join();
}

bool KrakenClient::poll(Event& event) { return state_->ring.try_pop(event); }

std::span<const Event> KrakenClient::peek() { return state_->ring.peek(); }

void KrakenClient::release(size_t count) { state_->ring.release(count); }

std::expected<void, NotLive> KrakenClient::wait_live(Duration timeout) {
  using clock = std::chrono::steady_clock;
  const auto began = clock::now();
  for (uint32_t full_looks = 0;;) {
    const bool is_closed = closed();
    if (state_->has_been_live.load(std::memory_order_acquire)) return {};
    const NotLive why{.closed = is_closed,
                      .ring_full = state_->ring_full.load(std::memory_order_relaxed),
                      .reason = state_->last_loss.load(std::memory_order_relaxed)};
    full_looks = why.ring_full ? full_looks + 1 : 0;
    const bool in_vain = why.closed || full_looks == full_looks_max;
    if (in_vain || clock::now() - began >= std::chrono::nanoseconds(timeout.ns)) {
      return std::unexpected(why);
    }
    std::this_thread::sleep_for(look_interval);
  }
}

std::expected<void, std::string> KrakenClient::recording() const {
  if (!closed()) return std::unexpected("the client is not closed");
  return state_->live.recording();
}

bool KrakenClient::closed() const { return state_->closed.load(std::memory_order_acquire); }

const Names& KrakenClient::names() const { return state_->live.engine->names(); }

ClientCounters KrakenClient::counters() const { return state_->live.counters(); }

std::expected<void, CommandError> KrakenClient::send(const Command& command) {
  if (closed()) return std::unexpected(CommandError::closed);
  auto pushed = state_->live.push(command);
  if (pushed && state_->live.settings.idle == Idle::park) state_->live.transport->wake();
  return pushed;
}

// The engine on the caller's thread.

struct InlineKrakenClient::State {
  explicit State(uint32_t slots) : event_door(slots) {}

  core::StagingDoor event_door;
  LiveEngine live;
  bool started = false;
  bool finished = false;
};

std::expected<std::unique_ptr<InlineKrakenClient>, StartError> InlineKrakenClient::connect(
    const Settings& settings) {
  if (auto valid = validate(settings); !valid) {
    return std::unexpected(StartError{valid.error(), {}});
  }
  auto state = std::make_unique<State>(settings.ring_slots);
  if (auto ok = state->live.start(settings, state->event_door); !ok) {
    return std::unexpected(ok.error());
  }
  return std::unique_ptr<InlineKrakenClient>(new InlineKrakenClient(settings, std::move(state)));
}

InlineKrakenClient::InlineKrakenClient(const Settings& settings, std::unique_ptr<State> state)
    : ClientCommands(settings), state_(std::move(state)) {}

InlineKrakenClient::~InlineKrakenClient() {
  if (!state_->started) return;
  // Again when the queue was full: the turn takes from it.
  for (bool asked = false; !closed(); static_cast<void>(turn())) {
    asked = asked || close().has_value();
  }
}

std::span<const Event> InlineKrakenClient::turn() {
  if (state_->finished) return {};
  if (!state_->started) {
    state_->started = true;
    state_->live.transport->start_on_this_thread();
  }
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

ClientCounters InlineKrakenClient::counters() const { return state_->live.counters(); }

std::expected<void, CommandError> InlineKrakenClient::send(const Command& command) {
  if (closed()) return std::unexpected(CommandError::closed);
  return state_->live.push(command);
}

// The builder.

KrakenClientBuilder::KrakenClientBuilder(std::vector<std::string> symbols)
    : symbols_(std::move(symbols)) {}

void KrakenClientBuilder::add_channel(Channel channel, uint32_t depth) {
  settings_.subscriptions.push_back({.channel = channel, .symbols = symbols_, .depth = depth});
}

KrakenClientBuilder& KrakenClientBuilder::with_book(uint32_t depth) {
  add_channel(Channel::book, depth);
  return *this;
}

KrakenClientBuilder& KrakenClientBuilder::with_trades() {
  add_channel(Channel::trade, 10);
  return *this;
}

KrakenClientBuilder& KrakenClientBuilder::with_ticker() {
  add_channel(Channel::ticker, 10);
  return *this;
}

KrakenClientBuilder& KrakenClientBuilder::with_reconnect(const ReconnectSettings& settings) {
  settings_.reconnect = settings;
  return *this;
}

KrakenClientBuilder& KrakenClientBuilder::without_reconnect() {
  settings_.reconnect.enabled = false;
  return *this;
}

KrakenClientBuilder& KrakenClientBuilder::with_circuit_breaker(
    const CircuitBreakerSettings& settings) {
  settings_.circuit_breaker = settings;
  return *this;
}

KrakenClientBuilder& KrakenClientBuilder::without_circuit_breaker() {
  settings_.circuit_breaker.enabled = false;
  return *this;
}

KrakenClientBuilder& KrakenClientBuilder::with_timeouts(const TimeoutSettings& settings) {
  settings_.timeouts = settings;
  return *this;
}

KrakenClientBuilder& KrakenClientBuilder::with_requests(const RequestSettings& settings) {
  settings_.requests = settings;
  return *this;
}

KrakenClientBuilder& KrakenClientBuilder::with_url(std::string url) {
  settings_.url = std::move(url);
  return *this;
}

KrakenClientBuilder& KrakenClientBuilder::with_ca_file(std::string path) {
  settings_.ca_file = std::move(path);
  return *this;
}

KrakenClientBuilder& KrakenClientBuilder::with_ring_slots(uint32_t slots) {
  settings_.ring_slots = slots;
  return *this;
}

KrakenClientBuilder& KrakenClientBuilder::with_idle(Idle idle) {
  settings_.idle = idle;
  return *this;
}

KrakenClientBuilder& KrakenClientBuilder::with_network(Network network) {
  settings_.network = network;
  return *this;
}

KrakenClientBuilder& KrakenClientBuilder::pinned_to(uint32_t cpu) {
  settings_.cpu = cpu;
  return *this;
}

KrakenClientBuilder& KrakenClientBuilder::with_seed(uint64_t seed) {
  settings_.seed = seed;
  return *this;
}

KrakenClientBuilder& KrakenClientBuilder::with_recording(std::string path) {
  settings_.recording.path = std::move(path);
  return *this;
}

KrakenClientBuilder& KrakenClientBuilder::with_recording(RecordingSettings settings) {
  settings_.recording = std::move(settings);
  return *this;
}

std::expected<std::unique_ptr<KrakenClient>, StartError> KrakenClientBuilder::connect() {
  return KrakenClient::connect(settings_);
}

std::expected<std::unique_ptr<InlineKrakenClient>, StartError>
KrakenClientBuilder::connect_inline() {
  return InlineKrakenClient::connect(settings_);
}

}  // namespace havklo
