// A peer that echoes, tried by the clauses of RFC 6455: a table's row is what a stream of frames
// must be answered with, in both roles and in every way of cutting the stream into reads.
//
// The numbers that begin with "Autobahn" are those of the test suite of that name, whose ground the
// tables cover: it speaks to a peer that sends every message back.
#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <string>
#include <string_view>
#include <vector>

#include "support/websocket/peer.hpp"

namespace havklo::websocket {

// A frame of the peer's. `first`: 0x81 for FIN and text.
struct Sent {
  int first = 0;
  std::string payload;
  int length_bytes = 0;              // of an extended length (2 or 8); 0: the shortest form
  bool wrong_side_masks = false;     // a mask where none may be, none where one must
  std::string declared_length = {};  // 8 bytes in place of the payload's size; length_bytes is 8
};
using Frames = std::vector<Sent>;
using Lines = std::vector<std::string>;

inline std::string bytes_of(const Sent& sent, Role receiver) {
  const bool masked = (receiver == Role::server) != sent.wrong_side_masks;
  const std::string plain = frame(sent.first, sent.payload, masked);
  if (sent.length_bytes == 0) return plain;
  const size_t mask_bytes = masked ? 4 : 0;
  const size_t usual_head = plain.size() - mask_bytes - sent.payload.size();
  std::string out = plain.substr(0, 1);
  out += static_cast<char>((masked ? 0x80 : 0) | (sent.length_bytes == 2 ? 126 : 127));
  if (!sent.declared_length.empty()) {
    out += sent.declared_length;
  } else {
    for (int i = sent.length_bytes - 1; i >= 0; --i) {
      out += static_cast<char>(sent.payload.size() >> (8 * i) & 255);
    }
  }
  return out + plain.substr(usual_head);
}

inline std::string stream_of(const Frames& frames, Role receiver) {
  std::string stream;
  for (const Sent& sent : frames) stream += bytes_of(sent, receiver);
  return stream;
}

// Frames of ours as "text abc", "close 1000 reason"; parsed by hand. A frame that breaks a rule is
// "BAD".
inline Lines lines_of(std::string_view output, Role sender) {
  Lines lines;
  const auto byte = [&output](size_t i) { return static_cast<uint8_t>(output[i]); };
  while (!output.empty()) {
    const bool masked = output.size() > 1 && (byte(1) & 0x80) != 0;
    size_t length = output.size() > 1 ? byte(1) & 0x7F : 0;
    const size_t extra = length == 126 ? 2 : length == 127 ? 8 : 0;
    const size_t head = 2 + extra + (masked ? 4 : 0);
    if (output.size() < head || masked != (sender == Role::client)) return {"BAD"};
    if (extra != 0) length = 0;
    for (size_t i = 0; i < extra; ++i) length = length << 8 | byte(2 + i);
    if (output.size() - head < length) return {"BAD"};
    std::string payload(output.substr(head, length));
    for (size_t i = 0; masked && i < length; ++i) {
      payload[i] = static_cast<char>(payload[i] ^ output[head - 4 + i % 4]);
    }
    const bool control = byte(0) >= 0x88;
    const bool shortest = extra == 0 || (extra == 2 && length > 125) || length > 65535;
    if (!shortest || (control && length > 125)) return {"BAD"};
    if (byte(0) == 0x88 && length >= 2) {
      const int code = static_cast<uint8_t>(payload[0]) << 8 | static_cast<uint8_t>(payload[1]);
      payload = std::to_string(code) + (length > 2 ? " " : "") + payload.substr(2);
    }
    switch (byte(0)) {
      case 0x81:
        lines.push_back("text " + payload);
        break;
      case 0x82:
        lines.push_back("binary " + payload);
        break;
      case 0x88:
        lines.push_back("close " + payload);
        break;
      case 0x8A:
        lines.push_back("pong " + payload);
        break;
      default:
        return {"BAD"};
    }
    output.remove_prefix(head + length);
  }
  return lines;
}

// Sends every message back and writes pongs down.
struct Echo {
  Connection& connection;
  Lines pongs = {};
  bool sent_all = true;

  bool on_open(const UpgradeResult&) { return true; }
  bool on_text(std::string_view text) { return note(connection.send_text(text)); }
  bool on_binary(std::span<const std::byte> bytes) { return note(connection.send_binary(bytes)); }
  bool on_ping(std::span<const std::byte>) { return true; }
  bool on_pong(std::span<const std::byte> bytes) {
    pongs.push_back(as_string(bytes));
    return true;
  }
  bool on_close(uint16_t, std::string_view) { return true; }
  bool note(bool sent) { return sent_all = sent_all && sent; }
};

struct Answered {
  Lines replies;
  Lines pongs;
  Error error = Error::none;
  Connection::State state = Connection::State::open;
  friend bool operator==(const Answered&, const Answered&) = default;
};

// Runs `stream` through an open connection, cut at `cuts` (ascending).
inline Answered answer_of(Role role, std::string_view stream, const std::vector<size_t>& cuts,
                          uint32_t message_max) {
  OpenConnection open(role, message_max, 3 * message_max);
  Echo echo{open.connection};
  Answered answered;
  size_t begin = 0;
  for (size_t i = 0; i <= cuts.size() && answered.error == Error::none; ++i) {
    const size_t end = i < cuts.size() ? cuts[i] : stream.size();
    answered.error = feed(open.connection, stream.substr(begin, end - begin), echo);
    begin = end;
  }
  EXPECT_TRUE(echo.sent_all);
  if (answered.error != Error::none) open.connection.fail(answered.error);
  answered.pongs = echo.pongs;
  answered.replies = lines_of(take_output(open.connection), role);
  answered.state = open.connection.state();
  return answered;
}

inline std::vector<size_t> cuts_every(size_t step, size_t size) {
  std::vector<size_t> cuts;
  for (size_t at = step; at < size; at += step) cuts.push_back(at);
  return cuts;
}

// Short streams: whole, byte by byte, at every single place, at drawn ones. Long ones: whole, in
// pieces of some sizes, at drawn places.
inline Answered answer_in_every_split(Role role, std::string_view stream, uint32_t message_max) {
  constexpr size_t long_stream = 700;
  const Answered whole = answer_of(role, stream, {}, message_max);
  const auto same_with = [&](const std::vector<size_t>& cuts, const std::string& what) {
    EXPECT_TRUE(answer_of(role, stream, cuts, message_max) == whole) << what;
  };
  if (stream.size() <= long_stream) {
    for (size_t cut = 1; cut < stream.size(); ++cut) {
      same_with({cut}, "cut at " + std::to_string(cut));
    }
  }
  for (const size_t step : {1, 2, 3, 64, 997}) {
    if (stream.size() / step > 200'000) continue;
    same_with(cuts_every(step, stream.size()), "pieces of " + std::to_string(step));
  }
  for (uint64_t seed = 1; seed <= 10; ++seed) {
    Random random(seed);
    const size_t piece_max = 2 + 2 * stream.size() / (1 + random.next_u64() % 10);
    std::vector<size_t> cuts;
    for (size_t at = 1 + random.below(piece_max); at < stream.size();
         at += 1 + random.below(piece_max)) {
      cuts.push_back(at);
    }
    same_with(cuts, "seed " + std::to_string(seed));
  }
  return whole;
}

struct Rule {
  std::string name;
  Frames frames;
  Lines replies = {};  // our close for `error` not among them
  Error error = Error::none;
  Lines pongs = {};
};

// Both roles, every split. A stream that neither fails nor closes is closed behind the row's
// frames, and that must be answered: the connection is still sound.
inline void check(const std::vector<Rule>& rules, uint32_t message_max = 70'000) {
  for (const Rule& rule : rules) {
    Frames frames = rule.frames;
    Lines replies = rule.replies;
    const bool closes = std::ranges::any_of(frames, [](const Sent& s) { return s.first == 0x88; });
    if (rule.error != Error::none) {
      replies.push_back("close " + std::to_string(close_code_for(rule.error)) + ' ' +
                        std::string(to_string(rule.error)));
    } else if (!closes) {
      frames.push_back({0x88, close_body(1000, "done")});
      replies.push_back("close 1000");
    }
    for (const Role role : {Role::client, Role::server}) {
      SCOPED_TRACE(rule.name + (role == Role::client ? ", client" : ", server"));
      const Answered answered = answer_in_every_split(role, stream_of(frames, role), message_max);
      EXPECT_EQ(answered.replies, replies);
      EXPECT_EQ(answered.pongs, rule.pongs);
      EXPECT_EQ(answered.error, rule.error);
      EXPECT_EQ(answered.state, Connection::State::closed);
    }
  }
}

inline std::string stars(size_t size) { return std::string(size, '*'); }

}  // namespace havklo::websocket
