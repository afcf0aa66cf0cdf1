// The engine on a thread of its own: the loop of that thread, and what the consumer's thread asks
// of it. Between them lie the ring of events, the ring of commands and the atomics of State.
#include <algorithm>
#include <atomic>
#include <chrono>
#include <deque>
#include <future>
#include <havklo/client.hpp>
#include <havklo/event_ring.hpp>
#include <havklo/ring_doors.hpp>
#include <new>
#include <thread>
#include <utility>

#include "client/consumer_sleep.hpp"
#include "client/live_engine.hpp"
#include "io/affinity.hpp"
#include "io/threads/started_thread.hpp"

namespace havklo {
namespace {

// A parked loop looks at what has no wake-up (room in the ring) at least so often.
constexpr Duration room_poll_interval = Duration::milliseconds(1);
constexpr Duration park_max = Duration::seconds(1);
// How often wait_live() looks. The loop waits for room now and then, for a turn; in so many looks,
// one after the other, it does only when nobody reads.
constexpr std::chrono::microseconds look_interval{200};
constexpr uint32_t full_looks_max = 250;

// In tenths of a second: 12.3.
std::string budget_wait_text(Duration left) {
  constexpr int64_t tenth_ns = 100'000'000;
  const int64_t tenths = (left.ns + tenth_ns - 1) / tenth_ns;
  return "waiting for a place in the connect budget, " + std::to_string(tenths / 10) + "." +
         std::to_string(tenths % 10) +
         " s more: set connect_budget and connect_budget_window to all that the venue allows (this "
         "process shares them, and who has the same budget_file)";
}

}  // namespace

std::string NotLive::message() const {
  std::string text = session ? "session " + std::to_string(*session) + ": " : "";
  if (!refused.empty()) {
    text += "the venue refuses everything that is wanted";
    for (size_t i = 0; i < refused.size(); ++i) {
      text.append(i == 0 ? ": " : ", ").append(refused[i]);
    }
    return text;
  }
  text += closed ? "the client has closed" : "not live yet";
  if (place_free_in) text += ": " + budget_wait_text(*place_free_in);
  if (ring_full) text += ": the ring is full: read events, or with_ring_slots()";
  if (reason != Reason::none)
    text.append("; the last connection ended by ").append(to_string(reason));
  return text;
}

// What wait_live() reads of a session: written by the loop when it changes.
struct SessionNews {
  std::atomic<bool> has_been_live{false};
  std::atomic<bool> all_refused{false};
  std::atomic<bool> closed{false};
  std::atomic<Reason> last_loss{Reason::none};
  std::atomic<Instant> place_free_at{Instant{}};  // one that has passed: none is waited for
};

struct EngineClient::State {
  explicit State(const EngineSettings& settings)
      : ring(settings.ring_slots), event_door(ring), sessions(settings.sessions.size()) {}

  // Starts the thread, which opens the doors and then runs; back when they are open.
  [[nodiscard]] std::expected<void, StartError> start(const EngineSettings& settings);
  [[nodiscard]] std::expected<void, StartError> open_doors(const EngineSettings& settings);
  void run();
  void turn_until_closed();
  void park(const TurnResult& turn);
  void tell(bool is_closed);
  [[nodiscard]] NotLive why_not_live(size_t session) const;
  [[nodiscard]] bool is_closed(size_t session) const {
    return closed.load(std::memory_order_acquire) ||
           sessions[session].closed.load(std::memory_order_acquire);
  }

  EventRing ring;
  RingEventDoor event_door;
  client::LiveEngine live;
  client::ConsumerSleep sleep;
  std::deque<SessionNews> sessions;
  std::atomic<bool> closed{false};
  std::atomic<bool> ring_full{false};
  std::thread thread;
};

std::expected<void, StartError> EngineClient::State::start(const EngineSettings& settings) {
  std::promise<std::expected<void, StartError>> promise;
  auto opened = promise.get_future();
  auto started = io::start_thread([this, &settings, told = std::move(promise)]() mutable {
    auto ready = client::or_out_of_memory([&] { return open_doors(settings); });
    const bool runs = ready.has_value();
    told.set_value(std::move(ready));  // `settings` are gone from here on
    if (runs) run();
  });
  if (!started) return std::unexpected(StartError{std::nullopt, std::move(started.error())});
  thread = std::move(*started);
  auto ready = opened.get();
  if (!ready) thread.join();
  return ready;
}

// In the loop's thread: its memory is then the pinned core's, and a start that the system refuses
// makes no recording.
std::expected<void, StartError> EngineClient::State::open_doors(const EngineSettings& settings) {
  if (settings.cpu) {
    if (auto pinned = io::pin_this_thread(*settings.cpu); !pinned) {
      return std::unexpected(StartError{std::nullopt, std::move(pinned.error())});
    }
  }
  if (auto ready = live.start(settings, event_door); !ready) return ready;
  if (auto begun = live.begin(); !begun) return begun;
  auto kept = live.keep_recording();
  if (!kept) live.transport->stop_on_this_thread();
  return kept;
}

// Without memory the engine cannot go on: what it holds may be half made. Its recording is whole up
// to there, and the consumer sees closed() without the event.
void EngineClient::State::run() {
  try {
    turn_until_closed();
  } catch (const std::bad_alloc&) {
  }
  live.finish();
  tell(true);
  sleep.wake();
}

void EngineClient::State::turn_until_closed() {
  const bool parks = live.settings.idle == Idle::park;
  bool full = false;
  for (;;) {
    const TurnResult turn = live.turn();
    if (live.engine->waits_for_room() != full) {
      full = !full;
      ring_full.store(full, std::memory_order_relaxed);
    }
    if (sleep.is_armed()) sleep.wake_if(ring.has_unread());
    if (turn.news) {
      if (live.engine->closed()) return;
      tell(false);
    }
    if (parks && turn.events == 0 && turn.inputs == 0 && !turn.more_due) park(turn);
  }
}

void EngineClient::State::park(const TurnResult& turn) {
  if (sleep.is_armed_for_sure()) sleep.wake_if(ring.has_unread());
  Duration wait = live.engine->next_deadline() - turn.now;
  wait = std::min(wait, live.engine->waits_for_room() ? room_poll_interval : park_max);
  if (live.recorder) wait = std::min(wait, live.recorder->next_deadline() - turn.now);
  live.park(wait);
}

void EngineClient::State::tell(bool is_closed) {
  for (uint32_t i = 0; i < sessions.size(); ++i) {
    SessionNews& news = sessions[i];
    news.last_loss.store(live.engine->last_loss(i), std::memory_order_relaxed);
    news.all_refused.store(live.engine->all_refused(i), std::memory_order_relaxed);
    news.place_free_at.store(live.engine->place_waited_for(i).value_or(Instant{}),
                             std::memory_order_relaxed);
    // Pairs with the acquire in wait_live(): the reason is known before.
    if (live.engine->is_live(i)) news.has_been_live.store(true, std::memory_order_release);
    if (live.engine->closed(i)) news.closed.store(true, std::memory_order_release);
  }
  // Pairs with the acquire in closed(), for the same.
  closed.store(is_closed, std::memory_order_release);
}

NotLive EngineClient::State::why_not_live(size_t session) const {
  NotLive why{.closed = is_closed(session),
              .ring_full = ring_full.load(std::memory_order_relaxed),
              .reason = sessions[session].last_loss.load(std::memory_order_relaxed),
              .refused = {}};
  if (sessions.size() != 1) why.session = static_cast<uint8_t>(session);
  const Duration left =
      sessions[session].place_free_at.load(std::memory_order_relaxed) - io::SystemClock{}.now();
  if (left > Duration{}) why.place_free_in = left;
  return why;
}

KrakenClientBuilder KrakenClient::builder(std::vector<std::string> symbols) {
  return KrakenClientBuilder(std::move(symbols));
}

template <class Client>
std::expected<std::unique_ptr<Client>, StartError> EngineClient::start(
    const EngineSettings& settings) {
  using Made = std::expected<std::unique_ptr<Client>, StartError>;
  return client::or_out_of_memory([&]() -> Made {
    if (auto valid = validate(settings); !valid) {  // before a ring is made of them
      return std::unexpected(StartError{std::move(valid.error()), {}});
    }
    // All of it, before there is a thread: what is made behind that could not be undone.
    auto state = std::make_unique<State>(settings);
    State& made = *state;
    std::unique_ptr<Client> client(new Client(settings, std::move(state)));
    if (auto started = made.start(settings); !started) {
      return std::unexpected(std::move(started.error()));
    }
    return client;
  });
}

std::expected<std::unique_ptr<EngineClient>, StartError> EngineClient::connect(
    const EngineSettings& settings) {
  return start<EngineClient>(settings);
}

std::expected<std::unique_ptr<KrakenClient>, StartError> KrakenClient::connect(
    const Settings& settings) {
  return client::or_out_of_memory([&] { return start<KrakenClient>(EngineSettings(settings)); });
}

EngineClient::EngineClient(const EngineSettings& settings, std::unique_ptr<State> state)
    : EngineSessions(settings), state_(std::move(state)) {}

EngineClient::~EngineClient() {
  if (!state_->thread.joinable()) return;  // it was not started
  while (!closed()) {
    if (close_all()) break;
    std::this_thread::yield();  // the queue is full: the engine is taking from it
  }
  state_->thread.join();
}

bool EngineClient::poll(Event& event) {
  if (state_->ring.try_pop(event)) [[likely]]
    return true;
  return state_->sleep.is_shown() &&
         state_->sleep.arm_and_look([&] { return state_->ring.try_pop(event); },
                                    [&] { return closed(); });
}

std::span<const Event> EngineClient::peek() {
  std::span<const Event> ready = state_->ring.peek();
  if (!ready.empty() || !state_->sleep.is_shown()) return ready;
  const auto look = [&] {
    ready = state_->ring.peek();
    return !ready.empty();
  };
  static_cast<void>(state_->sleep.arm_and_look(look, [&] { return closed(); }));
  return ready;
}

void EngineClient::release(size_t count) { state_->ring.release(count); }

bool EngineClient::wait(Event& event, Duration timeout) {
  if (state_->ring.try_pop(event)) return true;
  return state_->sleep.wait(
      timeout, [&] { return state_->ring.try_pop(event); }, [&] { return closed(); });
}

std::expected<int, std::string> EngineClient::event_descriptor() { return state_->sleep.show(); }

std::expected<void, NotLive> EngineClient::wait_live(Duration timeout) {
  const auto began = std::chrono::steady_clock::now();
  timeout = std::max(timeout, Duration{});
  for (size_t i = 0; i < session_count(); ++i) {
    const std::chrono::nanoseconds passed = std::chrono::steady_clock::now() - began;
    const Duration left = std::max(timeout - Duration{passed.count()}, Duration{});
    if (auto live = wait_live(static_cast<uint8_t>(i), left); !live) return live;
  }
  return {};
}

std::expected<void, NotLive> EngineClient::wait_live(uint8_t session, Duration timeout) {
  using clock = std::chrono::steady_clock;
  const SessionCommands& commands = EngineSessions::session(session);
  const SessionNews& news = state_->sessions[session];
  const auto began = clock::now();
  for (uint32_t full_looks = 0;;) {
    NotLive why = state_->why_not_live(session);  // before the look: nothing comes after closed
    if (news.has_been_live.load(std::memory_order_acquire)) return {};
    const bool refused = news.all_refused.load(std::memory_order_relaxed);
    full_looks = why.ring_full ? full_looks + 1 : 0;
    const bool in_vain = why.closed || refused || full_looks == full_looks_max;
    if (refused) why.refused = commands.wanted();
    if (in_vain || clock::now() - began >= std::chrono::nanoseconds(timeout.ns)) {
      return std::unexpected(why);
    }
    std::this_thread::sleep_for(look_interval);
  }
}

std::expected<void, std::string> EngineClient::recording() const {
  if (!closed()) return std::unexpected("the client is not closed");
  return state_->live.recording();
}

bool EngineClient::closed() const { return state_->closed.load(std::memory_order_acquire); }

const Names& EngineClient::names() const { return state_->live.engine->names(); }

Duration EngineClient::utc_offset() const { return io::SystemClock{}.utc_offset(); }

const NetworkChoice& EngineClient::network() const { return state_->live.transport->network(); }

ClientCounters EngineClient::counters() const { return state_->live.counters(); }

SessionCounters EngineClient::counters(uint8_t session) const {
  static_cast<void>(EngineSessions::session(session));  // there must be one
  return state_->live.engine->counters(session);
}

std::expected<void, CommandError> EngineClient::send(const Command& command) {
  if (state_->is_closed(command.session)) return std::unexpected(CommandError::closed);
  auto pushed = state_->live.push(command);
  if (pushed && state_->live.settings.idle == Idle::park) state_->live.transport->wake();
  return pushed;
}

}  // namespace havklo
