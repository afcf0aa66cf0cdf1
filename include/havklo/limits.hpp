// Every bound of the engine in one table: value, unit, reason, and what happens at the limit.
#pragma once

#include <cstdint>

namespace havklo {

// Symbols that one engine can name, all that it was ever given counted. Kraken lists some 1,450
// pairs. Beyond it: `subscribe` is refused (too_many_symbols).
inline constexpr uint32_t symbols_max = 4096;

// Longest symbol kept. The longest listed pair has 14 characters. Beyond it: `subscribe` is
// refused.
inline constexpr uint32_t symbol_bytes_max = 31;

// Different error texts of a venue kept word for word; they come from the peer, so they need a
// bound. Beyond it: text 0, "(text not kept)".
inline constexpr uint32_t texts_max = 1024;
inline constexpr uint32_t text_bytes_max = 126;

// Longest message after reassembly, and so longest frame. The largest legitimate one is a snapshot
// at depth 1000: two sides of 1000 levels of at most 56 bytes. Beyond it: close code 1009,
// reconnect.
inline constexpr uint32_t message_bytes_max = 1024 * 1024;
static_assert(message_bytes_max >= 2 * 1000 * 56 * 2);

// Longest HTTP answer head accepted to the upgrade request. Beyond it: upgrade_refused.
inline constexpr uint32_t http_head_bytes_max = 16 * 1024;

// Readable bytes that every holder of received data guarantees behind the data: simdjson reads that
// far past the end of its input. Never interpreted.
inline constexpr uint32_t receive_padding = 64;

// Deepest book the venue serves (10, 25, 100, 500, 1000).
inline constexpr uint32_t book_depth_max = 1000;

// Levels of one book message: both sides at full depth, and as many again for an update that
// rewrites the book. Beyond it: the message is malformed (protocol_error).
inline constexpr uint32_t book_message_levels_max = 4 * book_depth_max;

// Events that one book message can become: each level of it, and a removal for each level it pushed
// out.
inline constexpr uint32_t message_events_max = 2 * book_message_levels_max;

// Books, tickers or candles in one message; the venue sends one, and some hundred candles in a
// snapshot. Beyond it: the message is malformed
// (protocol_error).
inline constexpr uint32_t message_rows_max = 1024;

// Pairs in one message of the channel instrument, whose snapshot names all that the venue has: as
// many as one engine can name. Beyond it: the message is malformed (protocol_error).
inline constexpr uint32_t instrument_rows_max = symbols_max;

// Trades in one message: one large order can make many, so as many as the longest message can hold,
// with less than 96 bytes for no row that names symbol, side, price, quantity, id and time.
inline constexpr uint32_t trade_rows_max = message_bytes_max / 96;

// Slots of the ring of events: 4 GiB of them. Beyond it: ConfigError.
inline constexpr uint32_t ring_slots_max = 1U << 26U;

// Sessions of one engine.
inline constexpr uint32_t sessions_max = 64;

// Connections of one session (LegSettings).
inline constexpr uint32_t legs_max = 4;

// Bytes that may wait to be sent on one connection. Requests are small; a peer that leaves more
// than this unread is dead. Beyond it: peer_reset, reconnect.
inline constexpr uint32_t send_buffer_bytes = 256 * 1024;

// Bytes of pongs that may wait to be sent on one connection: what the smallest pings of a read of
// 16 KiB become, 8,192 pongs of 6 bytes, so that every ping of a read has its own. Beyond it: a
// ping gets its pong in the place of the newest that waits, as RFC 6455 (5.5.3) allows.
inline constexpr uint32_t pong_bytes_waiting_max = 64 * 1024;
static_assert(pong_bytes_waiting_max >= 16 * 1024 / 2 * 6);

// A peer that still talks is heard out behind our goodbye, for so many bytes and so long: a socket
// that is closed with bytes unread sends a reset, which can overtake the goodbye. A kernel's
// receive window and a peer's send buffer hold 6 and 4 MiB by default, and the goodbye's answer
// takes a round trip. Beyond either: the socket is closed as it is.
inline constexpr uint64_t goodbye_bytes_max = 16 * 1024 * 1024;
inline constexpr int64_t goodbye_time_ns_max = 1'000'000'000;

// Symbols named in one subscribe request, so that one request stays well below every proxy's frame
// limit.
inline constexpr uint32_t symbols_per_request_max = 100;

// Completions taken from the transport in one turn, so that commands are never starved.
inline constexpr uint32_t completions_per_turn_max = 64;

// Turns in a row that read so many and fire no timer, since what waits for the next turn may be the
// sign of life that a timer would miss. All sessions with 6 MiB each in their sockets, a kernel's
// default, have 24,576 reads of 16 KiB waiting. Beyond it: timers fire, whatever waits.
inline constexpr uint32_t full_turns_max = 512;
static_assert(full_turns_max * completions_per_turn_max >= sessions_max * 6 * 1024 / 16);

// Commands taken in one turn, for the same reason.
inline constexpr uint32_t commands_per_turn_max = 64;

// A turn that takes longer is counted (ClientCounters): at 20,000 messages a second five wait.
inline constexpr int64_t turn_budget_ns = 250'000;

// One read in so many has its phases timed (ClientCounters): a power of two.
inline constexpr uint32_t phase_sampling = 16;
static_assert((phase_sampling & (phase_sampling - 1)) == 0);

// Timers fired in one turn; what is left over fires in the next, in order.
inline constexpr uint32_t timers_per_turn_max = 256;

// Smallest size at which a recording goes on in its next file: below it the headers would be most
// of the files.
inline constexpr uint64_t recording_size_min = 64 * 1000;

}  // namespace havklo
