// To record a session: everything that entered the engine by its doors, turn by turn, so that
// `havklo replay` runs it again to the same events (replay/recording/FORMAT.md has the bytes).
//
// Owns:    the files, and blocks of memory (16 MiB) that are filled in turn.
// Threads: created anywhere; as a Journal it belongs to the loop.
// Errors:  create() says in one line what is wrong with the path. Later, a slow or full disk never
//          stalls the engine: recording stops at the end of a block, the file stays valid, the
//          engine publishes RecordingStopped, and state() says so.
// Cost:    a checksum over what was received, and a copy of it where the transport does not use
//          receive_room(); nothing is allocated, and blocks are written by a BlockWriter, which
//          does not wait.
// Loss:    a kill or a power cut costs what is younger than half a second, and what the disk had
//          not confirmed.
// Secrets: recording lies above TLS: there is no key in it. Credentials in the URL, repeated by a
//          peer or set as cookies, are masked (replay/recording/redaction/redactor.hpp).
#pragma once

#include <cstddef>
#include <cstdint>
#include <expected>
#include <havklo/clock.hpp>
#include <havklo/config.hpp>
#include <havklo/journal.hpp>
#include <havklo/transport.hpp>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace havklo {

// The path that a pattern names at that time (ns since 1970, UTC): %Y %m %d %H %M %S %j %F %T %s as
// strftime has them, %% for a percent sign. An error names what is none of these.
[[nodiscard]] std::expected<std::string, std::string> recording_path(std::string_view pattern,
                                                                     int64_t utc_ns);

// Writes blocks of files without waiting: live through the loop's io_uring, or a thread
// where that is refused.
class BlockWriter {
 public:
  struct Done {
    uint32_t token = 0;
    int32_t result = 0;  // bytes written, or a file descriptor; or a negative errno
  };
  virtual ~BlockWriter() = default;
  // Memory to write from, where the writer has some that costs less: page-aligned, there as long as
  // the writer is. Before the loop begins. Empty: the caller brings its own.
  [[nodiscard]] virtual std::span<std::byte> block_memory(size_t bytes) {
    static_cast<void>(bytes);
    return {};
  }
  // `block` stays untouched until take_done() has given its token back. With `sync`, it and what
  // was written before it then lie on the disk, not only in its cache.
  virtual void write_file(int file, uint64_t offset, std::span<const std::byte> block,
                          uint32_t token, bool sync) = 0;
  // Makes a file for writing, for its owner alone (0600); its descriptor is the result, -EEXIST
  // where there is anything of that name, a link too (O_EXCL). `path` stays valid until then.
  // `direct`: past the page cache (O_DIRECT).
  virtual void open_file(const char* path, uint32_t token, bool direct) = 0;
  // Whether what was written to the open file is still there, before the write that is asked for
  // next: that one would make a file that was cut short as long again. 1: it is; 0: the file has no
  // name any more (st_nlink), or less than `bytes`. A negative errno: nobody knows.
  virtual void look_for(int file, uint64_t bytes, uint32_t token) = 0;
  // Nothing of it is in flight. Nobody waits for the result.
  virtual void close_file(int file) = 0;
  // The next that is done, if there is one.
  [[nodiscard]] virtual std::optional<Done> take_done() = 0;
  // Waits a little (at most some milliseconds) for one: when the loop has ended.
  virtual void wait_done() = 0;
};

enum class RecorderState : uint8_t {
  recording,
  stopped_slow_disk,   // every block waits for the disk, or one has for 30 s
  stopped_disk_error,  // a write, or opening the next file, failed: disk_error() is its errno;
                       // ENOENT: the file was removed or cut short while it was recorded to
  finished,
};

class Recorder final : public Journal, public ReceiveRoom {
 public:
  // A path that holds anything, or whose path.1, path.2 … are there, is refused, unless
  // `settings.recording.overwrite` is set and they are an earlier recording's. The files are for
  // their owner alone (0600). Limits are those of `settings.recording`. `utc_offset`: what to add
  // to the engine's time for UTC.
  [[nodiscard]] static std::expected<std::unique_ptr<Recorder>, std::string> create(
      const std::string& path, const Settings& settings, uint64_t seed, Duration utc_offset,
      BlockWriter& writer) {
    return create(path, std::span(&settings, 1), seed, utc_offset, writer);
  }
  // Of an engine with several sessions, all in one recording; limits are those of the first.
  [[nodiscard]] static std::expected<std::unique_ptr<Recorder>, std::string> create(
      const std::string& path, std::span<const Settings> sessions, uint64_t seed,
      Duration utc_offset, BlockWriter& writer);
  ~Recorder() override;

  void on_command(const Command& command) override;
  void on_completion(const Completion& completion) override;
  void on_budget_answer(uint32_t ask, Duration wait) override;
  void end_turn(const TurnEnd& turn) override;
  [[nodiscard]] std::span<std::byte> receive_room(ConnectionId id, size_t bytes) override;

  // The engine has begun. Until then the file goes again with discard(), and what it replaces
  // (`overwrite`) is still there. Without the call: with the first block, or finish().
  [[nodiscard]] std::expected<void, std::string> keep();
  // Instead of keep() and finish(), before anything was recorded: as if it had not been made.
  void discard();
  // Writes what is left and the closing block, and waits for the disk: after the last turn.
  void finish();
  // When begin_turn() wants to be called at the latest, to bound what a kill can cost.
  [[nodiscard]] Instant next_deadline() const;

  [[nodiscard]] RecorderState state() const;
  [[nodiscard]] int32_t disk_error() const;
  // After finish(): whether everything is in the recording, or one line that says why not.
  [[nodiscard]] std::expected<void, std::string> outcome() const;
  [[nodiscard]] uint64_t turns() const;
  [[nodiscard]] uint64_t events() const;

 private:
  [[nodiscard]] std::optional<JournalFault> look(Instant now) override;
  void plan_look();

  struct State;
  explicit Recorder(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

}  // namespace havklo
