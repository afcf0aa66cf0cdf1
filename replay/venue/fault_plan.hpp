// What breaks at a venue, when, and for whom: a list of faults as data.
//
// Owns:       the plan, and how often each fault has struck (ActiveFaults).
// Not owned:  carrying it out: the venue, the in-memory transport and the real server do that.
// Threads:    one.
// Invariants: a plan and the instants of the connections decide everything; no randomness here.
//
// A fault is a condition, which holds for a time (refuse, stall, bad_checksum …), or an action,
// which strikes at an instant each connection that is then open (reset, close, ping …).
#pragma once

#include <cstdint>
#include <havklo/clock.hpp>
#include <havklo/event.hpp>
#include <limits>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace havklo::replay {

enum class FaultKind : uint8_t {
  // Conditions, in the order in which a connection meets them.
  resolve,            // the name does not resolve (in memory only)
  refuse,             // TCP is refused
  blackhole,          // nothing answers, from `stage` on
  tls,                // TLS fails, as `tls` says
  http,               // the upgrade is answered by `code`
  bad_accept,         // the upgrade's answer has a wrong Sec-WebSocket-Accept
  silent_greeting,    // no status message
  silent_acks,        // requests get no answer and have no effect
  late_acks,          // requests are taken, and answered, `interval` later
  rate_exceeded,      // requests are answered by "Exceeded msg rate" and have no effect
  reject_symbol,      // subscribing to `symbol` is refused with `text`
  dead_subscription,  // acknowledged, and then neither snapshot nor update
  silent_heartbeat,   // no heartbeats, while data flows
  silent_data,        // no market data, while heartbeats go on
  bad_checksum,       // book messages of `symbol` carry a wrong checksum
  crossed_book,       // an update, its checksum right, that crosses the book of `symbol`
  stall,              // nothing is sent, it waits
  deaf,               // nothing is read
  chunk,              // what is sent leaves in pieces of at most `bytes`
  drip,               // at most `bytes` leave in each `interval`

  // Actions.
  reset,          // TCP reset
  end_of_stream,  // FIN, no close frame
  close,          // a close frame with `code` and `text`
  message,        // a text message, `text`: malformed JSON unless said otherwise
  violation,      // bytes that no WebSocket peer may send, as `violation` says
  ping,           // a ping frame with `text`
  status,         // a status message with `system`; with `at`, and for no leg alone, it is the
                  // venue's status from then on

  // Conditions of the trades of `symbol`. Numbering goes on whatever is sent.
  lost_trades,        // none is sent
  doubled_trades,     // each message comes twice
  short_trades,       // the snapshot has only the last `trades`; 0: it does not come
  unreadable_trades,  // their prices have more digits than any number of ours
};
inline constexpr FaultKind fault_kind_last = FaultKind::unreadable_trades;
[[nodiscard]] constexpr bool is_of_trades(FaultKind kind) { return kind > FaultKind::status; }
[[nodiscard]] constexpr bool is_action(FaultKind kind) {
  return kind >= FaultKind::reset && !is_of_trades(kind);
}
[[nodiscard]] std::string_view to_string(FaultKind kind);

// How far a connection gets before a blackhole swallows it. On a real socket `tcp` is as `tls`.
enum class BlackholeStage : uint8_t { tcp, tls, upgrade, open };
enum class TlsFault : uint8_t { garbage, abort, expired, wrong_name };
enum class Violation : uint8_t {
  masked,
  bad_opcode,
  reserved_bits,
  invalid_utf8,
  oversized,
  fragmented_control,
  long_control,
  stray_continuation,
  one_byte_close,
  long_length,
};
[[nodiscard]] std::string_view to_string(BlackholeStage stage);
[[nodiscard]] std::string_view to_string(TlsFault fault);
[[nodiscard]] std::string_view to_string(Violation violation);

// What `after` counts from, for each connection by itself.
enum class Since : uint8_t { accepted, upgraded, subscribed };
[[nodiscard]] std::string_view to_string(Since since);

inline constexpr uint32_t unlimited = std::numeric_limits<uint32_t>::max();

struct Fault {
  FaultKind kind = FaultKind::reset;

  // When. `at` counts from the start of the venue, `after` from `since` of each connection; at most
  // one of them. Neither: as soon as the connection gets that far.
  std::optional<Duration> at;
  std::optional<Duration> after;
  Since since = Since::upgraded;
  std::optional<Duration> lasting;  // conditions: until then; actions with `every`: the same
  std::optional<Duration> every;    // actions: again and again
  // For whom: the n-th attempts to connect, from 1, refused ones counted.
  uint32_t connection_first = 1;
  uint32_t connection_last = unlimited;
  std::optional<uint32_t> leg;  // only the connections of that leg, in memory; none: of every leg
  uint32_t times = unlimited;   // strikes so often, all connections together

  // How.
  uint16_t code = 0;               // close, http
  std::string text;                // close, message, reject_symbol, ping
  std::string symbol;              // "": every symbol
  std::optional<Channel> channel;  // none: every channel
  BlackholeStage stage = BlackholeStage::tcp;
  TlsFault tls = TlsFault::garbage;
  Violation violation = Violation::masked;
  uint32_t bytes = 1;                              // chunk, drip; oversized: the length claimed
  Duration interval = Duration::milliseconds(10);  // drip, late_acks
  uint32_t trades = 0;                             // short_trades
  std::optional<Duration> retry_after;             // http
  bool retry_after_date = false;                   // as a date instead of seconds
  std::string location;                            // http 3xx
  SystemStatus system = SystemStatus::maintenance;
};

struct FaultPlan {
  std::vector<Fault> faults;

  FaultPlan& add(Fault fault) {
    faults.push_back(std::move(fault));
    return *this;
  }
  // What a maintenance looks like: status at `at`, close 1012 to everyone `lead` later, then 503
  // with Retry-After for as long as it lasts, then online again. With `leg`: all of it for the
  // connections of that leg alone.
  FaultPlan& add_maintenance(Duration at, Duration lead, Duration lasting, Duration retry_after,
                             std::optional<uint32_t> leg = {});
};

// A status that becomes the venue's state, told to everybody; any other is told to a connection.
[[nodiscard]] inline bool is_venues_own(const Fault& fault) {
  return fault.kind == FaultKind::status && fault.at && !fault.leg;
}

// What is wrong with a fault, in one line; none: nothing.
[[nodiscard]] std::optional<std::string> check(const Fault& fault);

// The instants of a connection that faults refer to.
struct ConnectionAge {
  uint32_t number = 0;
  uint32_t leg = 0;  // of its session
  Instant accepted;
  Instant upgraded = Instant::never();
  Instant subscribed = Instant::never();
  friend bool operator==(const ConnectionAge&, const ConnectionAge&) = default;
};

// A plan under way.
class ActiveFaults {
 public:
  ActiveFaults(FaultPlan plan, Instant start);

  // Adds to the plan while it runs.
  void add(Fault fault);
  // Nothing breaks any more.
  void clear();
  // Another one when strike_time() or next_edge() may answer otherwise than before.
  [[nodiscard]] uint64_t version() const { return version_; }

  // The first fault of that kind that holds now for this connection (and symbol and channel).
  [[nodiscard]] const Fault* find(FaultKind kind, const ConnectionAge& age, Instant now) const;
  // The same, and counts it as a strike.
  const Fault* take(FaultKind kind, const ConnectionAge& age, Instant now,
                    std::string_view symbol = {}, std::optional<Channel> channel = {});
  // Refused by time alone: a real server stops listening.
  [[nodiscard]] bool refuses_everyone(Instant now) const;

  [[nodiscard]] size_t size() const { return plan_.faults.size(); }
  [[nodiscard]] const Fault& fault(size_t index) const { return plan_.faults[index]; }
  // When the action strikes this connection for the `struck`-th time after the first; never() if it
  // does not.
  [[nodiscard]] Instant strike_time(size_t index, const ConnectionAge& age, uint32_t struck) const;
  // Counts a strike of an action; false when it has used up its times.
  bool strike(size_t index);
  // The next instant after `now` at which a condition begins or ends for this connection.
  [[nodiscard]] Instant next_edge(const ConnectionAge& age, Instant now) const;
  [[nodiscard]] Instant start() const { return start_; }

 private:
  [[nodiscard]] Instant begin_of(const Fault& fault, const ConnectionAge& age) const;
  [[nodiscard]] bool holds(size_t index, const ConnectionAge& age, Instant now) const;

  FaultPlan plan_;
  std::vector<uint32_t> strikes_;
  Instant start_;
  uint64_t version_ = 0;
};

}  // namespace havklo::replay
