// wolfSSL as the engine drives it; and the whole engine behind it.
#include "bench/questions/records.hpp"

#include "bench/questions/record_events.hpp"
#include "bench/venue/tls_feed.hpp"
#include "bench/venue/world.hpp"

namespace havklo::bench {
namespace {

const Registration many("tls_many", "havklo", HAVKLO_VERSION, tls_records<WolfsslClient, 16>);
const Registration one("tls_one", "havklo", HAVKLO_VERSION, tls_records<WolfsslClient, 1>);

// A live session on one book and its trades, its network TLS over a buffer.
class Engine {
 public:
  static constexpr bool text_alone = false;

  Engine() { world_.say(frames_.texts.front()); }
  [[nodiscard]] std::vector<std::byte> seal(std::string_view text) {
    std::vector<std::byte> frame;
    append_frame(frame, text);
    return network_.seal(frame);
  }
  void take(std::span<const std::byte> wire, size_t, Trades& got) {
    network_.next = wire;
    static_cast<void>(world_.engine.turn());
    for (const Event& event : world_.events.published()) got.on_event(event);
  }

 private:
  Frames frames_ = made_frames({"BTC/USD"}, 10, Duration{}, Mix::all);
  TlsFeed network_;
  FeedWorld world_{frames_, {.transport = &network_}};
};

const Registration event_many("tls_event_many", "havklo", HAVKLO_VERSION,
                              record_events<Engine, 16>);
const Registration event_one("tls_event_one", "havklo", HAVKLO_VERSION, record_events<Engine, 1>);

}  // namespace
}  // namespace havklo::bench
