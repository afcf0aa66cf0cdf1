// The disk under a recorder in a simulated world: it may fill up.
//
// Owns:    a file in memory, unless a path was given.
// Threads: one.
#pragma once

#include <deque>
#include <expected>
#include <havklo/recording.hpp>
#include <limits>
#include <memory>
#include <optional>
#include <span>
#include <string>

#include "replay/observer/verdict.hpp"

namespace havklo::replay {

class SimulatedDisk final : public BlockWriter {
 public:
  // "": in memory. Full after `blocks`.
  explicit SimulatedDisk(std::string path, uint32_t blocks = std::numeric_limits<uint32_t>::max());
  ~SimulatedDisk() override;
  SimulatedDisk(const SimulatedDisk&) = delete;
  SimulatedDisk& operator=(const SimulatedDisk&) = delete;

  // A recorder that writes here; or why there is none. `overwrite`: an earlier recording goes.
  [[nodiscard]] std::expected<std::unique_ptr<Recorder>, std::string> make_recorder(
      std::span<const Settings> sessions, uint64_t seed, bool overwrite);
  // Runs what was written and reports what is not as it was recorded.
  void check(Recorder& recorder, uint64_t turns_at_most, Verdict& verdict, Instant now);

  void write_file(int file, uint64_t offset, std::span<const std::byte> block, uint32_t token,
                  bool sync) override;
  void open_file(const char* path, uint32_t token, bool direct) override;
  void look_for(int file, uint64_t bytes, uint32_t token) override;
  void close_file(int file) override;
  [[nodiscard]] std::optional<Done> take_done() override;
  void wait_done() override {}

 private:
  std::string path_;
  int memory_ = -1;
  uint32_t blocks_left_;
  bool full_ = false;
  std::deque<Done> done_;
};

}  // namespace havklo::replay
