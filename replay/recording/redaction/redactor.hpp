// What must not lie readable in a recording: credentials that the settings hold or a peer repeats.
//
//   - credentials in the URL (credentials.hpp): replaced in the header's settings, and wherever a
//     peer repeats one word for word (8 characters and more), across reads and across the frames of
//     one message too. But one that a peer says anyway (protocol_words.hpp, or in a symbol that was
//     subscribed) only in the settings: the engine reads it from the peer, and a replay must read
//     the same. For that the framing of messages (frame_walk.hpp) and what JSON is made of
//     (quotes, backslashes, brackets, braces) stay too: of a credential with such in it the parts
//     between are masked;
//   - the values of Set-Cookie in the answer to the upgrade, and in interim answers before it.
// What the client sends is not recorded at all, and there is no key: recording lies above TLS.
// A replay stays identical: masks are as long as what they cover, those of two credentials are not
// the same, and nothing of it decides anything or reaches an event (what a venue says when it
// refuses is a text beside the events).
// Owns:    for each leg, how far what it received agrees with each secret; made once.
// Threads: the recorder's.
// Cost:    nothing for received market data when the URL has no credential.
#pragma once

#include <cstddef>
#include <cstdint>
#include <havklo/config.hpp>
#include <havklo/transport.hpp>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/connection_id.hpp"
#include "replay/recording/redaction/frame_walk.hpp"

namespace havklo::replay {

class Redactor {
 public:
  explicit Redactor(std::span<const Settings> sessions);

  // Bytes that lie before the ones of the last call may still be changed.
  [[nodiscard]] bool looks_back() const { return !secrets_.empty(); }
  // What it receives next may hold something to mask.
  [[nodiscard]] bool watches(ConnectionId connection) const {
    return !secrets_.empty() || heads_[place_of(connection)].inside;
  }
  void on_opened(ConnectionId connection) {
    heads_[place_of(connection)] = {.inside = true};
    frames_[place_of(connection)] = {};
  }
  // Before a peer can say the symbol.
  void on_subscribe(std::string_view symbol);
  // Masks in `copy`, what was recorded of a read. It stays where it is until forget().
  void mask(ConnectionId connection, std::span<std::byte> copy) {
    const size_t leg = place_of(connection);
    const size_t head = heads_[leg].inside ? mask_cookies(leg, copy) : 0;
    if (!secrets_.empty()) mask_secrets(leg, copy, head);
  }
  // What was masked so far is on its way to the disk.
  void forget();

 private:
  // The answer to the upgrade: lines up to an empty one, and again after an interim answer.
  struct HeadState {
    bool inside = false;
    uint8_t first_line_bytes = 0;  // saturates once the status is read
    uint16_t status = 0;
    bool masking = false;
    uint8_t name_bytes = 0;   // of this line that agree with the name
    bool other_line = false;  // it has another
    uint8_t line_bytes = 0;   // saturates; 0: the line is empty so far
  };
  struct Match {
    uint32_t bytes = 0;             // of the secret that agree so far
    std::vector<std::byte*> where;  // … and where they lie; null: no longer here
  };
  struct Secret {
    std::string text;
    std::byte mask{};
    bool is_public = false;          // in a symbol: no longer masked
    std::vector<uint32_t> fallback;  // Knuth, Morris and Pratt's table
    std::vector<Match> matches;      // by leg
  };

  void add_secrets(std::string_view url, std::span<const Settings> sessions);
  void add_secret(std::string_view text, std::span<const Settings> sessions);
  // The leg among all of all sessions.
  [[nodiscard]] size_t place_of(ConnectionId connection) const {
    const SessionLegs& session = sessions_[core::session_of(connection)];
    return session.first_leg + core::leg_of(connection, session.several_legs);
  }
  static void read_status(HeadState& state, char c);
  // How many bytes of `copy` belong to the head.
  size_t mask_cookies(size_t leg, std::span<std::byte> copy);
  void mask_secrets(size_t leg, std::span<std::byte> copy, size_t head_bytes);
  static void step(const Secret& secret, Match& match, std::byte said, std::byte* where);

  // The bytes behind the head of a 101.
  struct Frames {
    bool begun = false;
    FrameWalk walk;
  };

  struct SessionLegs {
    size_t first_leg = 0;
    bool several_legs = false;
  };

  std::vector<SessionLegs> sessions_;
  std::vector<HeadState> heads_;  // by leg
  std::vector<Frames> frames_;
  std::vector<Secret> secrets_;
};

}  // namespace havklo::replay
