// What the engine tells the strategy: one 64-byte record for everything.
//
// 24 bytes of header and 40 of payload; trivially copyable, no pointers, no padding that differs
// between runs (every byte is written, so that records can be compared and digested as bytes).
// Prices and quantities are integers with their decimal exponents beside them. Symbols and texts
// are ids into havklo::Names. `sequence` counts from 1 and has no holes except where an Overrun
// record says so. Kinds and fields: design "The catalogue". Units: nanoseconds.
//
// `time` is the engine's monotonic clock, read once a turn, after all that the turn deals with had
// arrived: never earlier than what caused the event, and later by as long as that had waited for
// the turn. All events of a turn have the same. `venue_time_ns` is the venue's own word.
#pragma once

#include <array>
#include <cstdint>
#include <cstring>
#include <havklo/channel.hpp>
#include <havklo/clock.hpp>
#include <havklo/decimal.hpp>
#include <havklo/names.hpp>
#include <havklo/reason.hpp>
#include <havklo/transport.hpp>
#include <span>
#include <string_view>
#include <type_traits>

namespace havklo {

enum class EventKind : uint8_t {
  connected = 1,
  connect_failed,
  disconnected,
  reconnecting,
  reconnect_failed,
  closed,
  subscriptions_restored,
  circuit_breaker_open,
  circuit_breaker_half_open,
  circuit_breaker_closed,
  subscribed,
  rejected,
  unsubscribed,
  book_snapshot,
  book_update,
  checksum_mismatch,
  book_invalid,
  book_stale,
  trade,
  ticker,
  ticker_last,
  status,
  heartbeat,
  overrun,
  recording_stopped,
  unreadable,
  trade_gap,
  candle,
  candle_volume,
  instrument,
  leg_connected,
  leg_restored,
  leg_lost,
  leg_reconnecting,
  leg_book_lost,
  leg_book_restored,
  feed_lag,
};
inline constexpr uint8_t event_kind_last = static_cast<uint8_t>(EventKind::feed_lag);

// The name in JSON lines: "SubscriptionsRestored".
[[nodiscard]] std::string_view to_string(EventKind kind);

enum class BookSide : uint8_t { bid, ask };
enum class TradeSide : uint8_t { buy, sell };
enum class WaitsFor : uint8_t {
  backoff,
  breaker,
  budget,
  maintenance,
  rate_limited,
  retry_after,
  ring
};
enum class SystemStatus : uint8_t { unknown, online, cancel_only, post_only, maintenance };
enum class InstrumentStatus : uint8_t {
  unknown,  // a word that this build does not know
  online,
  cancel_only,
  post_only,
  limit_only,
  reduce_only,
  maintenance,
  work_in_progress,
  delisted
};
// `leg_lost`: the last connection that had a verified copy is lost, while others are Live.
enum class BookFault : uint8_t { crossed, unreadable, checksum, leg_lost };
enum class RecordingFault : uint8_t { slow_disk, disk_error };

[[nodiscard]] std::string_view to_string(BookSide side);
[[nodiscard]] std::string_view to_string(TradeSide side);
[[nodiscard]] std::string_view to_string(WaitsFor cause);
[[nodiscard]] std::string_view to_string(SystemStatus status);
[[nodiscard]] std::string_view to_string(InstrumentStatus status);
[[nodiscard]] std::string_view to_string(BookFault fault);
[[nodiscard]] std::string_view to_string(RecordingFault fault);

// Event::flags
inline constexpr uint8_t flag_first_in_message = 1;  // BookSnapshot, BookUpdate
inline constexpr uint8_t flag_last_in_message = 2;
inline constexpr uint8_t flag_empty = 4;  // BookSnapshot of a book without a level
inline constexpr uint8_t flag_truncated =
    8;  // BookUpdate: fell out of the subscribed depth (the venue sends nothing)
inline constexpr uint8_t flag_reconciled =
    16;  // BookUpdate: the difference to what another leg has, which is later
inline constexpr uint8_t flag_late =
    32;  // Trade: of the past, from the snapshot that came after a reconnect, or from a leg that
         // is behind another

struct Event {
  struct Connected {         // LegConnected too
    uint64_t connection_id;  // 0: the venue gave none
    int64_t connect_time_ns;
    std::array<uint8_t, 16> address;
    uint16_t port;
    uint8_t family;  // 4 or 6; 0: none
    uint8_t tls_resumed;
    std::array<char, 4> api_version;  // "v2", zero-filled
  };
  struct ConnectFailed {
    uint32_t attempt;  // 0: the first connect
    int32_t os_error;
    uint16_t http_status;
    Reason reason;
    uint8_t retryable;
    CertificateFault certificate;  // of certificate_refused; none where nobody could say
    std::array<uint8_t, 27> zero;
  };
  struct Disconnected {  // LegLost too
    int64_t uptime_ns;
    int32_t os_error;
    uint16_t close_code;
    Reason reason;
    uint8_t retryable;
    std::array<uint8_t, 24> zero;
  };
  // Once an attempt, when the wait before it begins; again, for budget, when others have taken its
  // place in the connect budget meanwhile. The first connect is told of only if it waits for them.
  // Of a session with several legs it is LegReconnecting.
  struct Reconnecting {
    int64_t delay_ns;  // from this event
    uint32_t attempt;  // 1-based; 0: the first connect
    WaitsFor waits_for;
    std::array<uint8_t, 27> zero;
  };
  struct Ended {  // ReconnectFailed, Closed
    uint32_t attempts;
    Reason reason;
    std::array<uint8_t, 35> zero;
  };
  struct SubscriptionsRestored {  // LegRestored too
    int64_t downtime_ns;
    uint32_t count;  // without the rejected
    uint32_t rejected;
    std::array<uint8_t, 24> zero;
  };
  struct CircuitBreaker {
    int64_t retry_after_ns;  // open: reset_timeout; else 0
    uint32_t trips;
    std::array<uint8_t, 28> zero;
  };
  struct Subscription {  // Subscribed, Rejected, Unsubscribed, Unreadable
    SymbolId symbol;
    TextId
        detail;  // Rejected: the venue's words, or what never came. Unreadable: ours, which field
    Channel channel;
    std::array<uint8_t, 31> zero;
  };
  struct BookLevel {  // BookSnapshot, BookUpdate
    int64_t price;
    int64_t qty;  // 0 removes the level
    int64_t venue_time_ns;
    SymbolId symbol;
    int8_t price_exponent;
    int8_t qty_exponent;
    BookSide side;
    std::array<uint8_t, 9> zero;
  };
  struct BookFaulty {  // ChecksumMismatch, BookInvalid, BookStale, LegBookLost, LegBookRestored
    SymbolId symbol;
    uint32_t expected;
    uint32_t computed;
    BookFault fault;  // BookInvalid, LegBookLost; BookStale: leg_lost, or no word of it
    std::array<uint8_t, 27> zero;
  };
  struct Trade {
    int64_t price;
    int64_t qty;
    uint64_t trade_id;
    int64_t venue_time_ns;
    SymbolId symbol;
    int8_t price_exponent;
    int8_t qty_exponent;
    TradeSide side;
    std::array<uint8_t, 1> zero;
  };
  // Trades that the venue numbered and nobody delivered: lost with a connection and beyond what its
  // snapshot reaches, lost because the ring was full, never sent, or not readable.
  struct TradeGap {
    uint64_t first;  // trade ids, both counted
    uint64_t last;
    SymbolId symbol;
    std::array<uint8_t, 20> zero;
  };
  // What the venue says comes later than FeedSettings::lag_warn, or no longer does. It begins once
  // and ends once; an Unsubscribed or a Disconnected ends it without a word.
  struct FeedLag {
    int64_t lag_ns;  // of the update that showed it; no clock is better than the two compared
    SymbolId symbol;
    Channel channel;  // book or trade
    uint8_t begins;   // else it ends
    std::array<uint8_t, 26> zero;
  };
  struct Ticker {
    int64_t bid;
    int64_t bid_qty;
    int64_t ask;
    int64_t ask_qty;
    SymbolId symbol;
    int8_t bid_exponent;
    int8_t bid_qty_exponent;
    int8_t ask_exponent;
    int8_t ask_qty_exponent;
  };
  struct TickerLast {
    int64_t last;
    int64_t volume;
    int64_t venue_time_ns;  // 0: the message had none
    SymbolId symbol;
    int8_t last_exponent;
    int8_t volume_exponent;
    std::array<uint8_t, 10> zero;
  };
  struct Candle {  // forming; CandleVolume follows
    int64_t open;
    int64_t high;
    int64_t low;
    int64_t close;
    SymbolId symbol;
    int8_t open_exponent;
    int8_t high_exponent;
    int8_t low_exponent;
    int8_t close_exponent;
  };
  struct CandleVolume {
    int64_t volume;
    int64_t vwap;  // the price of the average unit
    uint64_t trades;
    SymbolId symbol;
    uint32_t begin_minutes;  // since 1970 UTC
    uint16_t interval_minutes;
    int8_t volume_exponent;
    int8_t vwap_exponent;
    std::array<uint8_t, 4> zero;
  };
  struct Instrument {
    int64_t price_increment;
    int64_t qty_increment;
    int64_t qty_min;
    SymbolId symbol;
    int8_t price_increment_exponent;
    int8_t qty_increment_exponent;
    int8_t qty_min_exponent;
    uint8_t price_precision;  // decimals
    uint8_t qty_precision;
    InstrumentStatus status;
    std::array<uint8_t, 6> zero;
  };
  struct Status {
    SystemStatus system;
    std::array<uint8_t, 39> zero;
  };
  struct Overrun {
    uint64_t lost;
    uint64_t first;
    uint64_t last;
    std::array<uint8_t, 16> zero;
  };
  struct RecordingStopped {  // the engine goes on; this event is not in the recording
    int32_t os_error;        // disk_error: errno
    RecordingFault fault;
    std::array<uint8_t, 35> zero;
  };
  union Payload {
    std::array<uint64_t, 5> words;
    Connected connected;
    ConnectFailed connect_failed;
    Disconnected disconnected;
    Reconnecting reconnecting;
    Ended ended;
    SubscriptionsRestored subscriptions_restored;
    CircuitBreaker circuit_breaker;
    Subscription subscription;
    BookLevel book;
    BookFaulty book_fault;
    Trade trade;
    TradeGap trade_gap;
    FeedLag feed_lag;
    Ticker ticker;
    TickerLast ticker_last;
    Candle candle;
    CandleVolume candle_volume;
    Instrument instrument;
    Status status;
    Overrun overrun;
    RecordingStopped recording_stopped;
  };

  uint64_t sequence;
  Instant time;
  uint32_t epoch;
  uint8_t session;  // its number in the engine
  uint8_t leg;      // the connection of the session; 0 where it has one
  EventKind kind;
  uint8_t flags;
  Payload payload;

  // An event with every payload byte zero.
  [[nodiscard]] static Event make(EventKind kind) {
    Event event;
    std::memset(static_cast<void*>(&event), 0, sizeof event);
    event.kind = kind;
    return event;
  }
  [[nodiscard]] bool last_in_message() const { return (flags & flag_last_in_message) != 0; }
  [[nodiscard]] bool first_in_message() const { return (flags & flag_first_in_message) != 0; }
};
static_assert(sizeof(Event) == 64);
static_assert(sizeof(Event::Payload) == 40);
static_assert(std::is_trivially_copyable_v<Event>);

// Market events may be dropped when a consumer is slow; all others are never lost. A TradeGap waits
// for room, and no later trade of its symbol goes before it: what is lost meanwhile joins it. A
// FeedLag waits for room, too; one that is over before it was told is not told.
[[nodiscard]] constexpr bool is_market(EventKind kind) {
  switch (kind) {
    case EventKind::book_snapshot:
    case EventKind::book_update:
    case EventKind::unreadable:
    case EventKind::trade:
    case EventKind::trade_gap:
    case EventKind::feed_lag:
    case EventKind::ticker:
    case EventKind::ticker_last:
    case EventKind::candle:
    case EventKind::candle_volume:
    case EventKind::instrument:
    case EventKind::status:
    case EventKind::heartbeat:
      return true;
    default:
      return false;
  }
}

// Where a turn writes its events, from the first slot on. A replay can be told of less room than
// the code at hand has promised to its sessions: those events still have slots.
struct EventWindow {
  Event* slots = nullptr;
  uint32_t size = 0;
  uint32_t room = 0;  // not taken yet; at most `size`
};

// The events door: how much room there is, read once per turn, and where what was written goes.
class EventDoor {
 public:
  virtual ~EventDoor() = default;
  [[nodiscard]] virtual EventWindow window() = 0;
  virtual void publish(uint32_t count) = 0;
};

}  // namespace havklo
