// What is asked of a WebSocket client: text messages of 195 bytes, UTF-8 checked, out of memory.
//   frame_many   64 frames in a read
//   frame_one    a frame a read
// A read is a copy of the bytes into the client's own buffer, as the kernel makes one: not every
// client can do without, so none does.
// A contender brings:
//   Client(const std::string& stream, size_t read_bytes)   open; `frames_a_pass` frames
//   uint64_t pass()       reads the stream once more from its beginning; bytes of text it was given
#pragma once

#include <array>
#include <string>

#include "bench/harness/contender.hpp"
#include "bench/harness/measure.hpp"
#include "websocket/frame.hpp"

namespace havklo::bench {

inline constexpr size_t frames_a_pass = 64;
inline constexpr size_t frame_text_bytes = 195;

inline std::string frame_stream() {
  std::array<std::byte, websocket::frame_head_bytes_max> head{};
  const size_t bytes = websocket::encode_frame_head(
      {frame_text_bytes, 0, websocket::Opcode::text, true, false}, head.data());
  std::string stream;
  for (size_t i = 0; i < frames_a_pass; ++i) {
    stream.append(reinterpret_cast<const char*>(head.data()), bytes);
    stream.append(frame_text_bytes, static_cast<char>('0' + i % 10));
  }
  return stream;
}

template <class Client, bool many>
Measured websocket_frames(const Run& run) {
  const std::string stream = frame_stream();
  Client client(stream, many ? stream.size() : stream.size() / frames_a_pass);
  bool right = true;
  const auto step = [&](uint64_t passes) {
    for (uint64_t i = 0; i < passes; ++i) {
      right = client.pass() == frames_a_pass * frame_text_bytes && right;
    }
  };
  step(run.tiny ? 1 : 10'000);
  const double cost = cpu_cost_ns(run.tiny ? 1 : 500, run.tiny ? 1 : 200, step) / frames_a_pass;
  if (!right) return std::unexpected("not every message came");
  return Figure{.value = cost, .percentiles = {}};
}

}  // namespace havklo::bench
