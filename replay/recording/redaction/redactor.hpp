// What must not lie readable in a recording: credentials that the settings hold or a peer repeats.
//
//   - the values in the query of the URL: replaced in the header's settings, and wherever a peer
//     repeats one word for word (8 characters and more), across reads too. But one that a peer says
//     anyway (protocol_words.hpp, or in a symbol that was subscribed) only in the settings: the
//     engine reads it from the peer, and a replay must read the same;
//   - the values of Set-Cookie in the answer to the upgrade, and in interim answers before it.
// What the client sends is not recorded at all, and there is no key: recording lies above TLS.
// A replay stays identical: masks are as long as what they cover, and nothing of it decides
// anything or reaches an event (what a venue says when it refuses is a text beside the events).
// Owns:    for each session, how far what it received agrees with each secret; made once.
// Threads: the recorder's.
// Cost:    nothing for received market data when the URL has no query.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <havklo/config.hpp>
#include <havklo/limits.hpp>
#include <havklo/transport.hpp>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace havklo::replay {

// The same URL with every value of its query replaced by `redacted`.
[[nodiscard]] std::string without_credentials(std::string_view url);

class Redactor {
 public:
  explicit Redactor(std::span<const Settings> sessions);

  // Bytes that lie before the ones of the last call may still be changed.
  [[nodiscard]] bool looks_back() const { return !secrets_.empty(); }
  // What it receives next may hold something to mask.
  [[nodiscard]] bool watches(ConnectionId connection) const {
    return !secrets_.empty() || heads_[session_of(connection)].inside;
  }
  void on_opened(ConnectionId connection) { head(connection) = {.inside = true}; }
  // Before a peer can say the symbol.
  void on_subscribe(std::string_view symbol);
  // Masks in `copy`, what was recorded of a read. It stays where it is until forget().
  void mask(ConnectionId connection, std::span<std::byte> copy) {
    HeadState& state = head(connection);
    if (state.inside) mask_cookies(state, copy);
    if (!secrets_.empty()) mask_secrets(connection, copy);
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
    bool is_public = false;          // in a symbol: no longer masked
    std::vector<uint32_t> fallback;  // Knuth, Morris and Pratt's table
    std::vector<Match> matches;      // by session
  };

  void add_secrets(std::string_view url, std::span<const Settings> sessions);
  [[nodiscard]] static size_t session_of(ConnectionId connection) {
    return static_cast<uint32_t>(connection) % sessions_max;
  }
  [[nodiscard]] HeadState& head(ConnectionId connection) { return heads_[session_of(connection)]; }
  static void read_status(HeadState& state, char c);
  static void mask_cookies(HeadState& state, std::span<std::byte> copy);
  void mask_secrets(ConnectionId connection, std::span<std::byte> copy);

  std::array<HeadState, sessions_max> heads_{};
  std::vector<Secret> secrets_;
};

}  // namespace havklo::replay
