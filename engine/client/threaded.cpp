// The engine on a thread of its own: the loop of that thread, and what the consumer's thread asks
// of it. Between them lie the ring of events, the ring of commands and the four atomics of State.
#include <algorithm>
#include <atomic>
#include <chrono>
#include <future>
#include <havklo/client.hpp>
#include <havklo/event_ring.hpp>
#include <havklo/ring_doors.hpp>
#include <new>
#include <thread>
#include <utility>

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

}  // namespace

std::string NotLive::message() const {
  std::string text = closed ? "the client has closed" : "not live yet";
  if (!refused.empty()) {
    text = "the venue refuses everything that is wanted";
    for (size_t i = 0; i < refused.size(); ++i) {
      text.append(i == 0 ? ": " : ", ").append(refused[i]);
    }
    return text;
  }
  if (ring_full) text += ": the ring is full: read events, or with_ring_slots()";
  if (reason != Reason::none)
    text.append("; the last connection ended by ").append(to_string(reason));
  return text;
}

struct KrakenClient::State {
  explicit State(uint32_t ring_slots) : ring(ring_slots), event_door(ring) {}

  // Starts the thread, which opens the doors and then runs; back when they are open.
  [[nodiscard]] std::expected<void, StartError> start(const Settings& settings);
  [[nodiscard]] std::expected<void, StartError> open_doors(const Settings& settings);
  void run();
  void turn_until_closed();
  void park(const TurnResult& turn);
  void tell(bool is_closed);

  EventRing ring;
  RingEventDoor event_door;
  client::LiveEngine live;
  // What wait_live() and closed() read: written by the loop when it changes.
  std::atomic<bool> has_been_live{false};
  std::atomic<bool> all_refused{false};
  std::atomic<bool> closed{false};
  std::atomic<bool> ring_full{false};
  std::atomic<Reason> last_loss{Reason::none};
  std::thread thread;
};

std::expected<void, StartError> KrakenClient::State::start(const Settings& settings) {
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
std::expected<void, StartError> KrakenClient::State::open_doors(const Settings& settings) {
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
void KrakenClient::State::run() {
  try {
    turn_until_closed();
  } catch (const std::bad_alloc&) {
  }
  live.finish();
  tell(true);
}

void KrakenClient::State::turn_until_closed() {
  const bool parks = live.settings.idle == Idle::park;
  bool full = false;
  for (;;) {
    const TurnResult turn = live.turn();
    if (live.engine->waits_for_room() != full) {
      full = !full;
      ring_full.store(full, std::memory_order_relaxed);
    }
    if (turn.events != 0) {
      if (live.engine->closed()) return;
      tell(false);
    } else if (parks && turn.inputs == 0 && !turn.more_due) {
      park(turn);
    }
  }
}

void KrakenClient::State::park(const TurnResult& turn) {
  Duration wait = live.engine->next_deadline() - turn.now;
  wait = std::min(wait, live.engine->waits_for_room() ? room_poll_interval : park_max);
  if (live.recorder) wait = std::min(wait, live.recorder->next_deadline() - turn.now);
  live.park(wait);
}

void KrakenClient::State::tell(bool is_closed) {
  last_loss.store(live.engine->last_loss(), std::memory_order_relaxed);
  all_refused.store(live.engine->all_refused(), std::memory_order_relaxed);
  // Pairs with the acquire in wait_live() and closed(): the reason is known before.
  if (live.engine->is_live()) has_been_live.store(true, std::memory_order_release);
  closed.store(is_closed, std::memory_order_release);
}

KrakenClientBuilder KrakenClient::builder(std::vector<std::string> symbols) {
  return KrakenClientBuilder(std::move(symbols));
}

std::expected<std::unique_ptr<KrakenClient>, StartError> KrakenClient::connect(
    const Settings& settings) {
  return client::or_out_of_memory(
      [&]() -> std::expected<std::unique_ptr<KrakenClient>, StartError> {
        if (auto valid = validate(settings); !valid) {  // before a ring is made of them
          return std::unexpected(StartError{std::move(valid.error()), {}});
        }
        // All of it, before there is a thread: what is made behind that could not be undone.
        std::unique_ptr<KrakenClient> client(
            new KrakenClient(settings, std::make_unique<State>(settings.ring_slots)));
        if (auto started = client->state_->start(settings); !started) {
          return std::unexpected(std::move(started.error()));
        }
        return client;
      });
}

KrakenClient::KrakenClient(const Settings& settings, std::unique_ptr<State> state)
    : ClientCommands(settings), state_(std::move(state)) {}

KrakenClient::~KrakenClient() {
  if (!state_->thread.joinable()) return;  // it was not started
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
    NotLive why{.closed = is_closed,
                .ring_full = state_->ring_full.load(std::memory_order_relaxed),
                .reason = state_->last_loss.load(std::memory_order_relaxed),
                .refused = {}};
    const bool refused = state_->all_refused.load(std::memory_order_relaxed);
    full_looks = why.ring_full ? full_looks + 1 : 0;
    const bool in_vain = why.closed || refused || full_looks == full_looks_max;
    if (refused) why.refused = wanted();
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

const NetworkChoice& KrakenClient::network() const { return state_->live.transport->network(); }

ClientCounters KrakenClient::counters() const { return state_->live.counters(); }

std::expected<void, CommandError> KrakenClient::send(const Command& command) {
  if (closed()) return std::unexpected(CommandError::closed);
  auto pushed = state_->live.push(command);
  if (pushed && state_->live.settings.idle == Idle::park) state_->live.transport->wake();
  return pushed;
}

}  // namespace havklo
