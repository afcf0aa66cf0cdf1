// The files of a recording and the blocks on their way to them.
//
// Owns:       the open file, the next one while the recording goes over to it, the last one until
//             its writes are done.
// Not owned:  the writer, and the blocks of memory if it has some; time (passed in).
// Threads:    the loop's; open() anywhere.
// Invariants: a block in flight is not touched; a file's blocks lie without gaps, in the order in
//             which they were handed on; the first fault stays; no file that this recording did not
//             make is written to or removed (first_file.hpp). Where the file system takes it, files
//             are written past the page cache, and every block begins and ends at a multiple of
//             `alignment_`.
// Cost:       nothing is allocated after open(), no call waits but finish(). Past the page cache a
//             block of 2 MiB costs a fifth of the time that the kernel needs to copy it.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <expected>
#include <havklo/config.hpp>
#include <havklo/journal.hpp>
#include <havklo/recording.hpp>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "replay/recording/block_index.hpp"
#include "replay/recording/first_file.hpp"
#include "replay/recording/format.hpp"
#include "replay/recording/header.hpp"

namespace havklo::replay {

// What a block's memory holds while it is filled.
struct OpenBlock {
  std::byte* payload = nullptr;
  uint32_t used = 0;
  uint32_t capacity = 0;
};

class RecordingFiles {
 public:
  [[nodiscard]] static std::expected<std::unique_ptr<RecordingFiles>, std::string> open(
      const std::string& path, const RecordingSettings& limits, HeaderText header,
      BlockWriter& writer);
  // Without keep() and a block, the folder is as it was before open().
  ~RecordingFiles();
  RecordingFiles(const RecordingFiles&) = delete;
  RecordingFiles& operator=(const RecordingFiles&) = delete;

  // The recording has begun: its file stays, and takes the place of an earlier one.
  [[nodiscard]] std::expected<void, std::string> keep();

  // The block that is filled now; nobody but the caller writes to it.
  [[nodiscard]] OpenBlock& current() { return current_; }
  static constexpr size_t block_bytes = 2 * 1024 * 1024;
  [[nodiscard]] size_t room() const { return current_.capacity - current_.used; }

  // Fills the current block up to where the next may begin: before it is handed on.
  void pad();
  // Gives the current block to the disk and begins the next; a fault when none is free.
  // `payload_crc`: of what the block holds.
  void hand_on(const Progress& progress, uint32_t payload_crc);
  // A block that is not full may be handed on too, as long as the disk keeps up.
  [[nodiscard]] bool keeps_up() const { return blocks_in_flight_ <= block_count / 2; }

  [[nodiscard]] bool waits_for_disk() const { return in_flight_count_ != 0; }
  // Takes back what is written. In every turn while it waits for the disk.
  void poll(Instant now) {
    now_ = now;
    if (in_flight_count_ != 0) take_back();
  }
  // At the end of a turn: begins to open the next file when it will be needed soon. True: it is
  // open and due, so hand on the current block and go over.
  [[nodiscard]] bool next_file_due(Instant now) {
    return (limits_.max_size || limits_.max_age) && is_due(now);
  }
  void go_over();

  // After the last turn: writes the closing block, waits for the disk, ends the file behind what is
  // good. At most some seconds.
  void finish();

  [[nodiscard]] const std::optional<JournalFault>& fault() const { return fault_; }

 private:
  static constexpr uint32_t block_count = 8;
  static constexpr size_t ends_kept = 8;
  static constexpr uint32_t header_token = block_count;
  static constexpr uint32_t closing_token = block_count + 1;
  static constexpr uint32_t open_token = block_count + 2;
  static constexpr uint32_t look_token = block_count + 3;
  static constexpr uint32_t token_count = block_count + 4;

  // A place between two blocks of a file, and what the blocks before it hold.
  struct End {
    uint64_t offset = 0;
    uint32_t next_number = 0;
    Progress progress;
  };
  struct Flight {
    bool busy = false;
    bool of_last_file = false;
    uint32_t bytes = 0;
    Instant began;
    End before;
  };

  RecordingFiles(const std::string& path, const RecordingSettings& limits, BlockWriter& writer);
  [[nodiscard]] std::span<const std::byte> make_header(const Progress& progress);
  [[nodiscard]] std::span<const std::byte> make_closing(ClosingReason reason, int32_t os_error);
  [[nodiscard]] size_t closing_size() const;
  [[nodiscard]] size_t aligned(size_t bytes) const {
    return (bytes + alignment_ - 1) / alignment_ * alignment_;
  }
  [[nodiscard]] bool take_memory();  // false: there is none
  void go_past_the_page_cache();
  void begin_block(uint32_t number);
  [[nodiscard]] std::expected<void, std::string> open_first();
  [[nodiscard]] bool is_due(Instant now);
  void begin_to_open_next();
  void on_next_opened(int32_t result);
  void look_for_file();
  [[nodiscard]] uint64_t written_bytes() const;    // of the open file, at least
  [[nodiscard]] bool holds(uint64_t bytes) const;  // false: somebody took them away
  [[nodiscard]] BlockHeaderBytes head(BlockKind kind, std::span<const std::byte> payload,
                                      uint32_t crc, const Progress& progress);
  void write(uint32_t token, std::span<const std::byte> bytes, const Progress& progress);
  void take_back();
  void wait_for_all();
  void on_done(const BlockWriter::Done& done);
  void fail(RecordingFault fault, int32_t os_error);
  void close_after_fault();
  [[nodiscard]] bool close_at(const End& end, uint64_t good_bytes);
  [[nodiscard]] uint32_t free_block() const;

  std::string path_;
  RecordingSettings limits_;
  BlockWriter& writer_;
  HeaderText header_text_;

  struct FreeMemory {
    void operator()(std::byte* memory) const;
  };
  std::unique_ptr<std::byte, FreeMemory> own_memory_;  // where the writer has none
  std::byte* blocks_ = nullptr;                        // page-aligned, as are the next two
  std::byte* closing_ = nullptr;
  std::byte* header_ = nullptr;
  size_t alignment_ = 1;  // of every block's place and size; 1: through the page cache
  OpenBlock current_;
  uint32_t current_number_ = 0;
  std::array<Flight, token_count> flights_;
  uint32_t in_flight_count_ = 0;
  uint32_t blocks_in_flight_ = 0;

  int file_ = -1;
  FirstFile first_;  // as long as we record: its lock is for all of them
  uint32_t segment_ = 0;
  End end_;                            // of what was handed on
  std::optional<End> good_end_;        // … before the first write that failed
  std::array<End, ends_kept> ends_{};  // before each of the last blocks of this file, in turns
  uint32_t ends_count_ = 0;
  Instant file_began_ = Instant::never();
  BlockIndex index_;

  int next_file_ = -1;
  bool opening_ = false;
  Instant open_next_from_;  // its name was somebody else's: not before
  std::string next_path_;
  int last_file_ = -1;
  uint32_t last_file_writes_ = 0;
  Instant now_;
  Instant stall_check_;
  Instant synced_;         // when the last block that is synced was handed on
  bool has_name_ = false;  // in a folder, and not only a descriptor
  std::optional<JournalFault> fault_;
};

}  // namespace havklo::replay
