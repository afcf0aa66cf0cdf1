// What a recording received, by kind of message: enough of WebSocket and JSON to count, no more.
//
// Owns:       for each connection of one session at a time, where its stream stands.
// Threads:    one.   Cost: a frame head and a look at the words of each message; linear in what was
//             received, however it is cut.
// Invariants: takes whatever bytes come; what is no WebSocket is counted as such.
#pragma once

#include <cstdint>
#include <havklo/transport.hpp>
#include <map>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "replay/recording/reader.hpp"

namespace havklo::replay {

struct KindTraffic {
  uint64_t messages = 0;
  uint64_t bytes = 0;  // of payloads
};

// One connection as the engine saw it.
struct ConnectionTraffic {
  uint32_t id = 0;
  bool was_opened = false;
  bool was_closed = false;  // by the network; else we closed it, or it is open at the end
  bool tls_resumed = false;
  Endpoint peer;
  Instant opened;
  Instant closed;
  Instant last_read;
  Reason reason = Reason::none;
  CertificateFault certificate = CertificateFault::none;
  int32_t os_error = 0;
  uint64_t messages = 0;
  uint64_t bytes = 0;
  std::string http_status;  // of the answer to the upgrade, as "101"
};

class Traffic {
 public:
  void add(const RecordedTurn& turn);
  // By name: a channel ("book"), an answer ("subscribe"), "ping", "close", "upgrade".
  [[nodiscard]] const std::map<std::string, KindTraffic, std::less<>>& kinds() const {
    return kinds_;
  }
  // In the order of their first completion.
  [[nodiscard]] const std::vector<ConnectionTraffic>& connections() const { return connections_; }

 private:
  struct Stream {
    std::vector<std::byte> pending;  // of an unfinished head or frame
    size_t needed = 0;               // bytes of it before which nothing can be taken
    size_t searched = 0;             // of it, for the end of a head
    bool upgraded = false;
    bool broken = false;
    bool message_open = false;
  };
  void received(size_t number, std::span<const std::byte> bytes);
  // What was taken from the front.
  size_t take_all(size_t number, std::span<const std::byte> bytes);
  size_t take_upgrade(size_t number, std::span<const std::byte> bytes);
  size_t take_frame(size_t number, std::span<const std::byte> bytes);
  void count(size_t number, std::string_view kind, size_t bytes);

  std::vector<ConnectionTraffic> connections_;
  std::vector<Stream> streams_;         // beside connections_
  std::map<uint32_t, size_t> numbers_;  // by id
  std::map<std::string, KindTraffic, std::less<>> kinds_;
};

// The kind of a text message of Kraken: its channel, or the method that it answers; "other text"
// for what the engine does not know.
[[nodiscard]] std::string_view kind_of_text(std::string_view text);

}  // namespace havklo::replay
