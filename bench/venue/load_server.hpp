// The other end of the wire: a venue that answers one client and then sends it a load.
//
// It accepts one connection, with TLS, greets, acknowledges subscriptions, and, with the first one
// of them, begins:
//   rate     trades at fixed instants, whatever the client does (open loop). A trade's id is the
//            instant, CLOCK_MONOTONIC in ns, at which it should have left: a message that waited,
//            here or anywhere, has waited in the figure too.
//   flood    messages made and encrypted beforehand, as fast as the socket takes them, a record
//            each: trades, or book messages whose checksums hold.
// Then it closes the connection. Messages: {"channel":"trade"…} of one trade, or {"channel":"book"…}.
//
// Threads: run() belongs to one; port() to any after the constructor.
// Errors:  what the machine refuses ends the program with a line on stderr: it serves benchmarks.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

namespace havklo::bench {

// How a trade of the load begins; its id follows.
inline constexpr std::string_view trade_begins =
    R"({"channel":"trade","type":"update","data":[{"symbol":"BTC/USD","side":"sell",)"
    R"("price":63501.5,"qty":0.00126700,"ord_type":"market","trade_id":)";

// One trade, 190 bytes with an id of ten digits.
std::string trade_text(uint64_t id);

struct Load {
  enum class Kind : uint8_t { rate, flood_text, flood_books };
  Kind kind = Kind::rate;
  uint64_t messages = 1'000;
  uint64_t per_second = 1'000;
};

class LoadServer {
 public:
  explicit LoadServer(const Load& load);
  ~LoadServer();
  LoadServer(const LoadServer&) = delete;
  LoadServer& operator=(const LoadServer&) = delete;

  [[nodiscard]] uint16_t port() const;
  [[nodiscard]] const std::string& ca_pem() const;
  // Serves one client to the end.
  void run();

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace havklo::bench
