// What recording costs a client on the wire, as CPU: all of its process, so the kernel's part of
// receiving and its threads that write to the disk count, until the disk has everything.
// (bench/micro/recording_bench.cpp leaves the network out, and is the stricter of the two.)
#include <chrono>
#include <thread>

#include "bench/contenders/wire_clients.hpp"

namespace havklo::bench {
namespace {

// How long the kernel's threads may need for what was recorded last.
constexpr std::chrono::milliseconds disk_pause{20};

double cpu_ns_a_message = 0;

// From the first message to the last.
template <class Client>
class Cpu : public Client {
 public:
  ~Cpu() {
    if (messages_ <= first_messages_) return;
    std::this_thread::sleep_for(disk_pause);
    cpu_ns_a_message = (spent_ns() - first_ns_) / static_cast<double>(messages_ - first_messages_);
  }
  void pump(Arrivals& arrivals) {
    Client::pump(arrivals);
    messages_ = arrivals.messages();
    if (messages_ == 0 || first_messages_ != 0) return;
    first_messages_ = messages_;
    first_ns_ = spent_ns();
  }

 private:
  [[nodiscard]] static double spent_ns() { return cpu_ns(CLOCK_PROCESS_CPUTIME_ID); }

  uint64_t messages_ = 0;
  uint64_t first_messages_ = 0;
  double first_ns_ = 0;
};

// The engine on its own thread, asleep between messages; the strategy looks every millisecond.
template <bool recorded>
class Parked {
 public:
  bool open(const Wire& wire, std::string& why) {
    KrakenClientBuilder builder = builder_for(wire);
    builder.with_idle(Idle::park);
    if (recorded) builder.with_recording(recording_.path());
    auto client = builder.connect();
    if (!client) {
      why = client.error().message();
      return false;
    }
    client_ = std::move(*client);
    return true;
  }
  void pump(Arrivals& arrivals) {
    const std::span<const Event> events = client_->peek();
    for (const Event& event : events) {
      if (event.kind == EventKind::trade) arrivals.on_trade(event.payload.trade.trade_id);
      if (event.kind == EventKind::overrun) fault_ = "events were lost";
    }
    client_->release(events.size());
    if (events.empty()) std::this_thread::sleep_for(std::chrono::milliseconds(1));
  }
  [[nodiscard]] const std::string& fault() const { return fault_; }

 private:
  TemporaryFile recording_;
  std::unique_ptr<KrakenClient> client_;
  std::string fault_;
};

template <class Client, Load::Kind kind>
Measured cpu_of(const Run& run) {
  cpu_ns_a_message = 0;
  const auto arrivals = on_the_wire<Cpu<Client>>(run, load_for(run, kind));
  if (!arrivals) return std::unexpected(arrivals.error());
  if (run.tiny) return Figure{};
  if (cpu_ns_a_message == 0) return std::unexpected("all came in one turn: nothing to count");
  return Figure{.value = cpu_ns_a_message, .percentiles = {}};
}

constexpr auto flood = Load::Kind::flood_books;
constexpr auto paced = Load::Kind::rate;
using Spinning = Engine<Network::io_uring>;
using SpinningRecorded = Engine<Network::io_uring, true>;

const Registration stream("recording_stream", "recording off", HAVKLO_VERSION,
                          cpu_of<Spinning, flood>);
const Registration stream_recorded("recording_stream", "recording on", HAVKLO_VERSION,
                                   cpu_of<SpinningRecorded, flood>);
const Registration parked("recording_parked", "recording off", HAVKLO_VERSION,
                          cpu_of<Parked<false>, paced>, {20'000});
const Registration parked_recorded("recording_parked", "recording on", HAVKLO_VERSION,
                                   cpu_of<Parked<true>, paced>, {20'000});

}  // namespace
}  // namespace havklo::bench
