// What each fuzz target is made of: one function from bytes to a judgement, for two programs.
//
//   HAVKLO_FUZZ_TARGET(websocket) { FuzzInput input(bytes); … require(whole == cut, "…"); }
//
// clang's libFuzzer calls it with what it draws (preset asan, one program a target); fuzz_tests, of
// g++ in every preset, calls it with each input of corpus/NAME/.
// Invariants: the same bytes are judged in the same way every time: no clock, no other randomness.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace havklo::fuzz {

using Judge = void (*)(std::span<const uint8_t> bytes);

// What an oracle says when it does not hold. Nobody catches it under libFuzzer, which reports where
// it was thrown.
struct Disagreement : std::logic_error {
  using std::logic_error::logic_error;
};

// What a target lacks on this machine, or in the libraries of this build: fuzz_tests skips it.
struct NotHere : std::runtime_error {
  using std::runtime_error::runtime_error;
};

inline void require(bool holds, const char* what) {
  if (!holds) throw Disagreement(what);
}
inline void require(bool holds, const std::string& what) { require(holds, what.c_str()); }

// Reads an input from its front; behind its end everything is 0, so that every input is a whole
// one.
class FuzzInput {
 public:
  explicit FuzzInput(std::span<const uint8_t> bytes) : rest_(bytes) {}
  [[nodiscard]] bool empty() const { return rest_.empty(); }
  [[nodiscard]] size_t left() const { return rest_.size(); }

  uint8_t byte() {
    if (rest_.empty()) return 0;
    const uint8_t value = rest_.front();
    rest_ = rest_.subspan(1);
    return value;
  }
  // Little-endian, of so many bytes.
  uint64_t number(size_t bytes = 8) {
    uint64_t value = 0;
    for (size_t i = 0; i < bytes; ++i) value |= uint64_t{byte()} << (8 * i);
    return value;
  }
  // One of `count`, from the fewest bytes that can name them all.
  uint64_t below(uint64_t count) {
    size_t bytes = 1;
    while (bytes < 8 && ((count - 1) >> (8 * bytes)) != 0) ++bytes;
    return count == 0 ? 0 : number(bytes) % count;
  }
  bool flag() { return (byte() & 1) != 0; }
  std::string_view text(size_t bytes) {
    const auto taken = rest_.first(bytes < rest_.size() ? bytes : rest_.size());
    rest_ = rest_.subspan(taken.size());
    return {reinterpret_cast<const char*>(taken.data()), taken.size()};
  }
  std::string_view rest() { return text(rest_.size()); }

 private:
  std::span<const uint8_t> rest_;
};

#ifndef HAVKLO_LIBFUZZER
// Where fuzz_tests finds the targets.
inline std::vector<std::pair<std::string, Judge>>& targets() {
  static std::vector<std::pair<std::string, Judge>> all;
  return all;
}
struct Registration {
  Registration(const char* name, Judge judge) { targets().emplace_back(name, judge); }
};
#endif

}  // namespace havklo::fuzz

#ifdef HAVKLO_LIBFUZZER
#define HAVKLO_FUZZ_TARGET(name)                                            \
  static void judge_##name(std::span<const uint8_t> bytes);                 \
  extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) { \
    judge_##name({data, size});                                             \
    return 0;                                                               \
  }                                                                         \
  static void judge_##name([[maybe_unused]] std::span<const uint8_t> bytes)
#else
#define HAVKLO_FUZZ_TARGET(name)                                                       \
  static void judge_##name(std::span<const uint8_t> bytes);                            \
  static const ::havklo::fuzz::Registration registration_##name(#name, &judge_##name); \
  static void judge_##name([[maybe_unused]] std::span<const uint8_t> bytes)
#endif
