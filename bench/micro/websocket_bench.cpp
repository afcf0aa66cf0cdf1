// The cost of one WebSocket text message of 195 bytes, UTF-8 checked, from a receive buffer to the
// handler.
//
// Many a read: 64 frames in one receive(). One a read: a receive() for each. Cut: every frame is
// split over two reads, so that it takes the way through the reassembly buffer. Each checks its
// answer before its time counts.
#include <benchmark/benchmark.h>

#include <algorithm>
#include <havklo/limits.hpp>
#include <havklo/random.hpp>
#include <string>
#include <vector>

#include "websocket/connection.hpp"
#include "websocket/mask.hpp"

namespace {

using namespace havklo;
using namespace havklo::websocket;

constexpr size_t frame_payload_bytes = 195;
constexpr size_t frames = 64;

// As a real update looks: ASCII; or with a character of two bytes at the end.
std::string payload_of(bool ascii) {
  std::string text(frame_payload_bytes, '7');
  if (!ascii) text.replace(text.size() - 2, 2, "\xC3\xA4");
  return text;
}

std::vector<std::byte> stream_of(bool ascii, size_t count) {
  FrameHead head{frame_payload_bytes, 0, Opcode::text, true, false};
  std::byte head_bytes[frame_head_bytes_max];
  const size_t head_size = encode_frame_head(head, head_bytes);
  const std::string payload = payload_of(ascii);
  std::vector<std::byte> stream;
  for (size_t i = 0; i < count; ++i) {
    stream.insert(stream.end(), head_bytes, head_bytes + head_size);
    const auto* from = reinterpret_cast<const std::byte*>(payload.data());
    stream.insert(stream.end(), from, from + payload.size());
  }
  stream.resize(stream.size() + receive_padding);
  return stream;
}

struct Counting {
  uint64_t texts = 0;
  uint64_t bytes = 0;
  bool on_open(const UpgradeResult&) { return true; }
  bool on_text(std::string_view text) {
    ++texts;
    bytes += text.size();
    benchmark::DoNotOptimize(text.data());
    return true;
  }
  bool on_binary(std::span<const std::byte>) { return true; }
  bool on_ping(std::span<const std::byte>) { return true; }
  bool on_pong(std::span<const std::byte>) { return true; }
  bool on_close(uint16_t, std::string_view) { return true; }
};

void open(Connection& connection, Random& random, MaskKeys& masks) {
  connection.start_client("localhost", 443, true, "/v2", random, masks);
  const auto out = connection.output();
  const std::string_view request{reinterpret_cast<const char*>(out.data()), out.size()};
  constexpr std::string_view name = "Sec-WebSocket-Key: ";
  const auto accept = accept_for(request.substr(request.find(name) + name.size(), key_chars));
  std::string answer = server_accepts({accept.data(), accept.size()});
  connection.consume_output(out.size());
  const size_t size = answer.size();
  answer.resize(size + receive_padding);
  Counting ignored;
  (void)connection.receive(std::as_bytes(std::span(answer.data(), size)), ignored);
}

// `read_bytes` at a time; false when the answer is wrong.
bool feed(Connection& connection, std::span<const std::byte> stream, size_t read_bytes,
          Counting& counting) {
  for (size_t i = 0; i < stream.size(); i += read_bytes) {
    const auto read = stream.subspan(i, std::min(read_bytes, stream.size() - i));
    if (connection.receive(read, counting) != Error::none) return false;
  }
  return true;
}

void receive_frames(benchmark::State& state, bool ascii, size_t read_bytes) {
  const std::vector<std::byte> padded = stream_of(ascii, frames);
  const std::span<const std::byte> stream{padded.data(), padded.size() - receive_padding};
  if (read_bytes == 0) read_bytes = stream.size();
  Random random(1);
  MaskKeys masks(mask_secret_from(1), 0);
  Connection connection(Role::client, message_bytes_max);
  open(connection, random, masks);
  Counting check;
  if (!feed(connection, stream, read_bytes, check) || check.texts != frames ||
      check.bytes != frames * frame_payload_bytes) {
    state.SkipWithError("wrong answer");
    return;
  }
  Counting counting;
  for (auto _ : state) {
    if (!feed(connection, stream, read_bytes, counting)) state.SkipWithError("refused");
  }
  benchmark::DoNotOptimize(counting.texts);
  state.SetItemsProcessed(state.iterations() * static_cast<int64_t>(frames));
  state.SetBytesProcessed(state.iterations() * static_cast<int64_t>(stream.size()));
  state.counters["per_message"] =
      benchmark::Counter(static_cast<double>(state.iterations()) * static_cast<double>(frames),
                         benchmark::Counter::kIsRate | benchmark::Counter::kInvert);
}

constexpr size_t frame_bytes = frame_payload_bytes + 4;

void BM_WebSocketManyARead(benchmark::State& state) { receive_frames(state, true, 0); }
void BM_WebSocketOneARead(benchmark::State& state) { receive_frames(state, true, frame_bytes); }
void BM_WebSocketCut(benchmark::State& state) { receive_frames(state, true, frame_bytes - 60); }
void BM_WebSocketManyAReadNotAscii(benchmark::State& state) { receive_frames(state, false, 0); }
BENCHMARK(BM_WebSocketManyARead);
BENCHMARK(BM_WebSocketOneARead);
BENCHMARK(BM_WebSocketCut);
BENCHMARK(BM_WebSocketManyAReadNotAscii);

void BM_WebSocketMask(benchmark::State& state) {
  std::vector<std::byte> bytes(static_cast<size_t>(state.range(0)), std::byte{0x5A});
  std::vector<std::byte> masked(bytes.size());
  mask_bytes(masked.data(), bytes.data(), bytes.size(), 0x01020304, 0);
  mask_bytes(masked.data(), masked.data(), masked.size(), 0x01020304, 0);
  if (masked != bytes) {
    state.SkipWithError("wrong answer");
    return;
  }
  for (auto _ : state) {
    mask_bytes(masked.data(), bytes.data(), bytes.size(), 0x01020304, 0);
    benchmark::DoNotOptimize(masked.data());
    benchmark::ClobberMemory();
  }
  state.SetBytesProcessed(state.iterations() * state.range(0));
}
BENCHMARK(BM_WebSocketMask)->Arg(64)->Arg(195)->Arg(4096);

void BM_WebSocketSendText(benchmark::State& state) {
  Random random(1);
  MaskKeys masks(mask_secret_from(1), 0);
  Connection connection(Role::client, message_bytes_max);
  open(connection, random, masks);
  const std::string payload = payload_of(true);
  if (!connection.send_text(payload) || connection.output().size() != frame_bytes + 4) {
    state.SkipWithError("wrong answer");
    return;
  }
  for (auto _ : state) {
    connection.consume_output(connection.output().size());
    connection.send_text(payload);
    benchmark::ClobberMemory();
  }
  state.SetItemsProcessed(state.iterations());
}
BENCHMARK(BM_WebSocketSendText);

}  // namespace
