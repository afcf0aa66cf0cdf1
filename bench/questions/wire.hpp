// What is asked of a client on the wire: TLS on loopback, a load that does not wait for it.
//   wire_N         latency from the instant a trade should have left to the client's having it
//   stream_text    time a message takes when they come without end, as text
//   stream_books   the same, every book verified, into events
// The last two look at the clock between two turns of the client's loop, some thousand messages
// apart; the figure is the lower quartile of these times: when a thread lost its core, the time
// says nothing about the client.
// A contender says only how it reads:
//   bool open(const Wire&, std::string& why)   connected, subscribed
//   void pump(Arrivals&)                       once around its loop; tells what arrived
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "bench/harness/contender.hpp"
#include "bench/harness/latency_histogram.hpp"
#include "bench/harness/measure.hpp"
#include "bench/venue/load_process.hpp"
#include "support/temporary_file.hpp"

namespace havklo::bench {

struct Wire {
  uint16_t port = 0;
  std::string ca_file;
  bool books = false;
  uint64_t step_ns = 0;  // between two instants at which a message should leave
};

inline bool is_trade(std::string_view text) { return text.starts_with(R"({"channel":"trade")"); }

// The trade's id, which is the instant at which it should have left; 0 for anything else. Looked up
// where it is known to stand: a search would weigh on those who have the text alone.
inline uint64_t due_in(std::string_view text) {
  if (!text.starts_with(trade_begins)) return 0;
  uint64_t due = 0;
  for (size_t i = trade_begins.size(); i < text.size() && text[i] >= '0' && text[i] <= '9'; ++i) {
    due = due * 10 + static_cast<uint64_t>(text[i] - '0');
  }
  return due;
}

class Arrivals {
 public:
  // `latency`: the clock is read for each message, not only after turns of the loop.
  explicit Arrivals(bool latency) : latency_(latency) {}

  // As text; as an event, by the trade's id.
  void on_text(std::string_view text) {
    if (!latency_) {
      messages_ += is_trade(text) ? 1 : 0;
    } else if (const uint64_t due = due_in(text); due != 0) {
      on_trade(due);
    }
  }
  void on_trade(uint64_t due_ns) {
    if (latency_) latencies_.record(monotonic_ns() - static_cast<int64_t>(due_ns));
    ++messages_;
  }
  void on_messages(uint64_t more) { messages_ += more; }
  // Between two turns of the client's loop, so that what it holds back until a turn's end counts
  // where it belongs.
  void look() {
    if (latency_ || messages_ < look_at_) return;
    const int64_t now = monotonic_ns();
    if (looked_at_ != 0) {
      costs_.push_back(static_cast<double>(now - looked_ns_) /
                       static_cast<double>(messages_ - looked_at_));
    }
    looked_ns_ = now;
    looked_at_ = messages_;
    look_at_ = messages_ + messages_a_look;
  }
  [[nodiscard]] uint64_t messages() const { return messages_; }
  [[nodiscard]] std::vector<double>& costs() { return costs_; }
  [[nodiscard]] const LatencyHistogram& latencies() const { return latencies_; }

 private:
  static constexpr uint64_t messages_a_look = 4'000;
  bool latency_;
  LatencyHistogram latencies_;
  std::vector<double> costs_;  // ns a message
  uint64_t messages_ = 0;
  uint64_t look_at_ = 1;
  uint64_t looked_at_ = 0;
  int64_t looked_ns_ = 0;
};

inline constexpr std::string_view subscribe_trades =
    R"({"method":"subscribe","params":{"channel":"trade","symbol":["BTC/USD"]},"req_id":1})";
inline constexpr std::string_view subscribe_books =
    R"({"method":"subscribe","params":{"channel":"book","symbol":["BTC/USD","ETH/USD"],)"
    R"("depth":10},"req_id":1})";

inline Load load_for(const Run& run, Load::Kind kind) {
  const auto rate = static_cast<uint64_t>(run.size == 0 ? 1'000 : run.size);
  // Two seconds at 1,000 a second, one at the higher rates.
  const uint64_t whole = kind == Load::Kind::rate ? std::max<uint64_t>(rate, 2'000) : 200'000;
  return {.kind = kind, .messages = run.tiny ? 50 : whole, .per_second = rate};
}

// The client until it has every message of a server on the other core.
template <class Client>
std::expected<Arrivals, std::string> on_the_wire(const Run& run, const Load& load) {
  const auto server =
      LoadProcess::start(load, run.tiny ? std::nullopt : std::optional(run.peer_cpu));
  if (!server) return std::unexpected(server.error());
  const TemporaryFile ca(server->ca_pem());
  std::string why;
  Arrivals arrivals(load.kind == Load::Kind::rate);
  {
    Client client;
    Wire wire{.port = server->port(),
              .ca_file = ca.path(),
              .books = load.kind == Load::Kind::flood_books,
              .step_ns = 1'000'000'000 / load.per_second};
    const int64_t until = monotonic_ns() + 30'000'000'000;
    if (client.open(wire, why)) {
      while (arrivals.messages() < load.messages && monotonic_ns() < until) {
        client.pump(arrivals);
        arrivals.look();
        if (run.tiny) std::this_thread::yield();
      }
      why = client.fault();
    }
  }
  if (!why.empty()) return std::unexpected(why);
  if (arrivals.messages() < load.messages) {
    return std::unexpected("only " + std::to_string(arrivals.messages()) + " of " +
                           std::to_string(load.messages) + " messages came");
  }
  return arrivals;
}

template <class Client>
Measured wire_latency(const Run& run) {
  const auto arrivals = on_the_wire<Client>(run, load_for(run, Load::Kind::rate));
  if (!arrivals) return std::unexpected(arrivals.error());
  return Figure{.value = static_cast<double>(arrivals->latencies().value_at(50)),
                .percentiles = arrivals->latencies().percentiles()};
}

template <class Client, Load::Kind kind>
Measured wire_stream(const Run& run) {
  auto arrivals = on_the_wire<Client>(run, load_for(run, kind));
  if (!arrivals) return std::unexpected(arrivals.error());
  if (run.tiny) return Figure{};
  if (arrivals->costs().empty()) return std::unexpected("all came in one turn: nothing to time");
  return Figure{.value = quantile(arrivals->costs(), 0.25), .percentiles = {}};
}

inline const std::vector<int64_t> wire_rates{1'000, 20'000, 100'000};

}  // namespace havklo::bench
