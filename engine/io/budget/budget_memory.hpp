// The memory in which the places of a shared connect budget lie: of this process alone, or a file
// that others map too.
//
// Owns:    the mapping, and the file's descriptor.
// Threads: made by one; slots() is for SharedPlaces, by any number.
// Errors:  what is wrong with a file is one line that says what to do.
//
// THE FILE. Little-endian; one size for ever. Only open() writes the head, under an exclusive
// flock(2); slots are changed by compare-and-swap, without a lock.
//
//    at  bytes
//     0      8  "HVKBUDG1"
//     8      4  attempts: so many slots follow
//    12      4  zero
//    16      8  window, ns
//    24      8  utc_offset, ns: what to add to CLOCK_MONOTONIC for UTC
//    32     36  boot_id of the boot in which utc_offset holds
//    68      4  zero
//    72    312  for whom it counts, as text, then zeros: "kraken.com from 192.0.2.1"
//   384      8  FNV-1a of the 384 bytes before
//   392      8 each: when the last attempt that took this slot began, ns since 1970 UTC; the least
//               number of all: never
//
// Within a boot UTC is the monotonic clock plus utc_offset, whatever happens to the wall clock: a
// clock that is set right after the start makes no attempt older. The first to open the file in
// another boot reads the wall clock anew; what lies in the future by it SharedPlaces cuts to now.
// A file is made whole under another name and linked to its own, so nobody sees half of one; it is
// for its owner alone (0600). A kill loses nothing; a power cut what the kernel had not yet written
// of the last half minute. On a file system whose mappings other machines do not see at once (NFS)
// it counts for one machine only.
#pragma once

#include <cstdint>
#include <expected>
#include <havklo/clock.hpp>
#include <havklo/connect_budget.hpp>
#include <memory>
#include <span>
#include <string>
#include <string_view>

#include "io/budget/boot.hpp"

namespace havklo::io {

class BudgetMemory {
 public:
  [[nodiscard]] static std::expected<std::unique_ptr<BudgetMemory>, std::string> of_process(
      const ConnectBudgetSettings& numbers);
  // Made where it is not there. `counts_for`: BudgetKey::text().
  [[nodiscard]] static std::expected<std::unique_ptr<BudgetMemory>, std::string> of_file(
      const std::string& path, const ConnectBudgetSettings& numbers, std::string_view counts_for,
      const Boot& boot);
  ~BudgetMemory();
  BudgetMemory(const BudgetMemory&) = delete;
  BudgetMemory& operator=(const BudgetMemory&) = delete;

  [[nodiscard]] std::span<int64_t> slots() const { return slots_; }
  // What to add to the engine's time for that of the slots.
  [[nodiscard]] Duration offset() const { return offset_; }
  // False: somebody has cut the file short. To touch the slots would end the process.
  // Cost: a system call, for a file.
  [[nodiscard]] bool is_whole() const;

 private:
  BudgetMemory() = default;

  int file_ = -1;
  void* mapped_ = nullptr;
  size_t bytes_ = 0;
  std::span<int64_t> slots_;
  Duration offset_;
};

}  // namespace havklo::io
