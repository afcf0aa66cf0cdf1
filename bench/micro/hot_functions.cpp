// The hot functions, each over the same input every time, for a count of their instructions:
// bench/instructions runs this under callgrind and compares with bench/micro/instructions.json.
//
// The input is the seeded market's, never a capture, so that every machine counts the same. Each
// function named measured_… is called once and does what it does `operations` times, which is
// printed; what comes before and after it is not counted.
#include <cstdio>
#include <havklo/event_ring.hpp>
#include <havklo/limits.hpp>
#include <havklo/recording.hpp>
#include <havklo/timer_wheel.hpp>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "bench/venue/frames.hpp"
#include "bench/venue/world.hpp"
#include "kraken/book.hpp"
#include "kraken/decode.hpp"
#include "support/sync_block_writer.hpp"
#include "support/temporary_file.hpp"

namespace {

using namespace havklo;
using namespace havklo::bench;

const Frames& frames() {
  static const Frames made = made_frames({"BTC/USD", "ETH/USD"}, 10, Duration::seconds(30));
  return made;
}

bool all_right = true;

void require(bool condition) { all_right = all_right && condition; }

struct Padded {
  explicit Padded(std::string_view json) : text(json), size(json.size()) {
    text.append(receive_padding, '\0');
  }
  [[nodiscard]] std::string_view view() const { return {text.data(), size}; }
  std::string text;
  size_t size;
};

void say(std::string_view name, size_t operations) {
  std::printf("%.*s %zu\n", static_cast<int>(name.size()), name.data(), operations);
}

}  // namespace

// Named for callgrind: never inlined, names without namespaces.
extern "C" {

[[gnu::noinline]] void measured_decode_predicted(kraken::Decoder& decoder,
                                                 const std::vector<Padded>& texts) {
  for (const Padded& text : texts) require(decoder.decode(text.view()).has_value());
}

[[gnu::noinline]] void measured_decode_simdjson(kraken::Decoder& decoder,
                                                const std::vector<Padded>& texts) {
  for (const Padded& text : texts) require(decoder.decode_unpredicted(text.view()).has_value());
}

[[gnu::noinline]] void measured_trades_predicted(kraken::Decoder& decoder,
                                                 const std::vector<Padded>& texts) {
  for (const Padded& text : texts) require(decoder.decode(text.view()).has_value());
}

[[gnu::noinline]] void measured_trades_simdjson(kraken::Decoder& decoder,
                                                const std::vector<Padded>& texts) {
  for (const Padded& text : texts) require(decoder.decode_unpredicted(text.view()).has_value());
}

[[gnu::noinline]] void measured_book_apply(kraken::Book& book,
                                           const std::vector<kraken::BookMessage>& messages) {
  for (const kraken::BookMessage& message : messages) {
    require(book.apply(message) == kraken::ApplyOutcome::verified);
  }
}

[[gnu::noinline]] void measured_frame_to_events(FeedWorld& world,
                                                const std::vector<std::vector<std::byte>>& reads) {
  for (const auto& stream : reads) {
    world.transport.next = {stream.data(), stream.size() - receive_padding};
    require(world.engine.turn().events != 0);
  }
}

[[gnu::noinline]] void measured_frame_to_events_recorded(
    FeedWorld& world, const std::vector<std::vector<std::byte>>& reads) {
  for (const auto& stream : reads) {
    world.transport.next = {stream.data(), stream.size() - receive_padding};
    require(world.engine.turn().events != 0);
  }
}

[[gnu::noinline]] void measured_idle_turn(FeedWorld& world, size_t turns) {
  for (size_t i = 0; i < turns; ++i) require(world.engine.turn().events == 0);
}

[[gnu::noinline]] void measured_ring_push_pop(EventRing& ring, size_t count) {
  Event event = Event::make(EventKind::heartbeat);
  for (size_t i = 0; i < count; ++i) {
    ++event.sequence;
    require(ring.try_push(event) && ring.try_pop(event));
  }
}

[[gnu::noinline]] void measured_timer_rearm(TimerWheel& wheel, std::vector<TimerNode>& nodes) {
  int64_t away = 1;
  for (TimerNode& node : nodes) {
    wheel.cancel(node);
    away = away * 6'364'136'223'846'793'005 + 1'442'695'040'888'963'407;
    wheel.arm(node, Instant{} + Duration{(away >> 30) & 0xFFFFFFFF});
  }
}

}  // extern "C"

namespace {

void record_frames() {
  const TemporaryFile file;
  SyncBlockWriter writer;
  auto recorder = Recorder::create(file.path(), feed_settings(frames()), 1, Duration{}, writer);
  FeedWorld world(frames(), {.journal = recorder.value().get()});
  const auto reads = reads_of(frames().texts, 1);
  measured_frame_to_events_recorded(world, reads);
  say("frame_to_events_recorded", reads.size());
  recorder.value()->finish();
  require(recorder.value()->outcome().has_value());
}

}  // namespace

int main() {
  std::vector<Padded> texts(frames().texts.begin(), frames().texts.end());
  {
    kraken::Decoder decoder;
    measured_decode_predicted(decoder, texts);
    measured_decode_simdjson(decoder, texts);
    say("decode_predicted", texts.size());
    say("decode_simdjson", texts.size());
  }
  {
    const Frames all = made_frames({"BTC/USD", "ETH/USD"}, 10, Duration::seconds(30), Mix::all);
    std::vector<Padded> trades;
    for (const std::string& text : all.texts) {
      if (text.starts_with(R"({"channel":"trade")")) trades.emplace_back(text);
    }
    require(!trades.empty());
    kraken::Decoder decoder;
    measured_trades_predicted(decoder, trades);
    measured_trades_simdjson(decoder, trades);
    say("trades_predicted", trades.size());
    say("trades_simdjson", trades.size());
  }
  {
    // One book's messages, decoded beforehand; the levels are kept here.
    kraken::Decoder decoder;
    kraken::BookScratch scratch;
    kraken::Book book(10, scratch);
    std::vector<std::vector<kraken::WireLevel>> kept;
    kept.reserve(2 * texts.size());
    std::vector<kraken::BookMessage> messages;
    for (const Padded& text : texts) {
      require(decoder.decode(text.view()) == kraken::MessageKind::book);
      kraken::BookMessage message = decoder.books()[0];
      if (message.symbol != frames().symbols[0]) continue;
      for (std::span<const kraken::WireLevel>* side : {&message.bids, &message.asks}) {
        *side = kept.emplace_back(side->begin(), side->end());
      }
      messages.push_back(message);
    }
    measured_book_apply(book, messages);
    say("book_apply", messages.size());
  }
  {
    FeedWorld world(frames());
    const auto reads = reads_of(frames().texts, 1);
    measured_frame_to_events(world, reads);
    say("frame_to_events", reads.size());
    measured_idle_turn(world, 1'000);
    say("idle_turn", 1'000);
  }
  record_frames();
  {
    EventRing ring(1'024);
    measured_ring_push_pop(ring, 10'000);
    say("ring_push_pop", 10'000);
  }
  {
    TimerWheel wheel;
    std::vector<TimerNode> nodes(10'000);
    for (size_t i = 0; i < nodes.size(); ++i) {
      wheel.arm(nodes[i], Instant{} + Duration::milliseconds(static_cast<int64_t>(i)));
    }
    measured_timer_rearm(wheel, nodes);
    say("timer_rearm", nodes.size());
    for (TimerNode& node : nodes) wheel.cancel(node);
  }
  if (!all_right) std::puts("an answer was wrong");
  return all_right ? 0 : 1;
}
