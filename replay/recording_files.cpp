// Handing on, taking back, going over to the next file, and the end.
#include "replay/recording_files.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <cstring>
#include <havklo/assert.hpp>
#include <string_view>
#include <utility>

#include "replay/event_digest.hpp"

namespace havklo::replay {
namespace {

constexpr size_t block_bytes = RecordingFiles::payload_max + BlockHeader::bytes;
constexpr size_t digits_max = 10;

// A write that takes longer: the disk hangs, and what is recorded meanwhile would be lost.
constexpr Duration write_time_max = Duration::seconds(30);
constexpr Duration sync_interval = Duration::milliseconds(400);
constexpr Duration stall_check_interval = Duration::seconds(1);

// Before a file is full the next one is opened, so that it is there in time.
constexpr uint64_t open_ahead_bytes = 4 * block_bytes;
// What a turn may add before the end of a file is looked at again.
constexpr uint64_t end_margin_bytes = 16 * 1024;

// How long finish() waits for the disk: this many times the writer's own wait.
constexpr int finish_polls_max = 400;

std::string reason_text(int error) { return std::strerror(error); }

}  // namespace

std::expected<std::unique_ptr<RecordingFiles>, std::string> RecordingFiles::open(
    const std::string& path, const RecordingSettings& limits, std::string before, std::string after,
    BlockWriter& writer) {
  std::unique_ptr<RecordingFiles> files(new RecordingFiles(path, limits, writer));
  files->header_before_ = std::move(before);
  files->header_after_ = std::move(after);
  files->header_.resize(BlockHeader::bytes + files->header_before_.size() + digits_max +
                        files->header_after_.size() + 1);
  if (auto opened = files->open_first(); !opened) {
    return std::unexpected("cannot record to '" + path + "': " + opened.error());
  }
  return files;
}

RecordingFiles::RecordingFiles(const std::string& path, const RecordingSettings& limits,
                               BlockWriter& writer)
    : path_(path),
      limits_(limits),
      writer_(writer),
      memory_(std::make_unique<std::byte[]>(block_count * block_bytes)),
      closing_(BlockHeader::bytes + BlockIndex::closing_bytes_max),
      current_{.payload = memory_.get() + BlockHeader::bytes} {
  next_path_.reserve(path.size() + 1 + digits_max);
}

RecordingFiles::~RecordingFiles() {
  for (const int file : {file_, lock_, next_file_, last_file_}) {
    if (file >= 0) ::close(file);
  }
}

// Not O_TRUNC: what is at the path is looked at before it is overwritten. O_NONBLOCK: a FIFO
// without a reader must not hold us up.
std::expected<void, std::string> RecordingFiles::open_first() {
  file_ = ::open(path_.c_str(), O_WRONLY | O_CREAT | O_CLOEXEC | O_NONBLOCK, 0644);
  if (file_ < 0) return std::unexpected(reason_text(errno));
  struct stat status {};
  if (::fstat(file_, &status) != 0) return std::unexpected(reason_text(errno));
  if (!S_ISREG(status.st_mode)) return std::unexpected("it is not a regular file");
  if (::flock(file_, LOCK_EX | LOCK_NB) != 0) {
    return std::unexpected("another process is recording to it");
  }
  lock_ = ::dup(file_);
  if (::ftruncate(file_, 0) != 0) return std::unexpected(reason_text(errno));
  const Progress nothing{.digest = EventDigest().value()};
  const auto header = make_header(nothing);
  const ssize_t written = ::pwrite(file_, header.data(), header.size(), 0);
  if (written < 0) return std::unexpected(reason_text(errno));
  if (static_cast<size_t>(written) != header.size()) return std::unexpected(reason_text(ENOSPC));
  end_ = {.offset = header.size(), .next_number = 1, .progress = nothing};
  return {};
}

std::span<const std::byte> RecordingFiles::make_header(const Progress& progress) {
  std::byte* const payload = header_.data() + BlockHeader::bytes;
  std::byte* at = payload;
  const auto put = [&at](std::string_view text) {
    std::memcpy(at, text.data(), text.size());
    at += text.size();
  };
  put(header_before_);
  std::array<char, digits_max> digits{};
  const char* end = std::to_chars(digits.begin(), digits.end(), segment_).ptr;
  put({digits.begin(), static_cast<size_t>(end - digits.begin())});
  put("\n");
  put(header_after_);
  const auto bytes = static_cast<uint32_t>(at - payload);
  end_ = {};
  const auto block_head =
      head(BlockKind::header, {payload, bytes}, crc32c(0, {payload, bytes}), progress);
  std::memcpy(header_.data(), block_head.data(), block_head.size());
  return {header_.data(), block_head.size() + bytes};
}

std::span<const std::byte> RecordingFiles::make_closing(ClosingReason reason, int32_t os_error) {
  std::byte* const payload = closing_.data() + BlockHeader::bytes;
  const size_t bytes = index_.write_closing(payload, reason, os_error, end_.offset);
  const auto block_head =
      head(BlockKind::closing, {payload, bytes}, crc32c(0, {payload, bytes}), end_.progress);
  std::memcpy(closing_.data(), block_head.data(), block_head.size());
  return {closing_.data(), block_head.size() + bytes};
}

BlockHeaderBytes RecordingFiles::head(BlockKind kind, std::span<const std::byte> payload,
                                      uint32_t crc, const Progress& progress) {
  return encode({.kind = kind,
                 .payload_bytes = static_cast<uint32_t>(payload.size()),
                 .number = end_.next_number,
                 .progress = progress,
                 .payload_crc = crc});
}

void RecordingFiles::write(uint32_t token, std::span<const std::byte> bytes,
                           const Progress& progress) {
  Flight& flight = flights_[token];
  HAVKLO_ASSERT(!flight.busy);
  flight = {
      .busy = true, .bytes = static_cast<uint32_t>(bytes.size()), .began = now_, .before = end_};
  ++in_flight_count_;
  if (token < block_count) ++blocks_in_flight_;
  // Not every block: under load a sync for each would cost more than the rest of recording.
  const bool sync = token >= block_count || now_ - synced_ >= sync_interval;
  if (sync) synced_ = now_;
  writer_.write_file(file_, end_.offset, bytes, token, sync);
  end_ = {.offset = end_.offset + bytes.size(),
          .next_number = end_.next_number + 1,
          .progress = progress};
}

void RecordingFiles::hand_on(const Progress& progress, uint32_t payload_crc) {
  std::byte* const block = current_.payload - BlockHeader::bytes;
  const auto block_head =
      head(BlockKind::turns, {current_.payload, current_.used}, payload_crc, progress);
  std::memcpy(block, block_head.data(), block_head.size());
  index_.add({.offset = end_.offset,
              .time = progress.time,
              .turns = progress.turns,
              .sequence = progress.sequence});
  write(current_number_, {block, block_head.size() + current_.used}, progress);
  take_back();
  current_number_ = free_block();
  if (current_number_ == block_count) {
    current_number_ = 0;
    fail(RecordingFault::slow_disk, 0);
  }
  current_ = {.payload = memory_.get() + current_number_ * block_bytes + BlockHeader::bytes};
}

// The lowest: a block that is used again soon is still in the processor's cache.
uint32_t RecordingFiles::free_block() const {
  uint32_t number = 0;
  while (number < block_count && flights_[number].busy) ++number;
  return number;
}

void RecordingFiles::take_back() {
  while (const auto done = writer_.take_done()) on_done(*done);
  if (now_ < stall_check_) return;
  stall_check_ = now_ + stall_check_interval;
  for (const Flight& flight : flights_) {
    if (flight.busy && now_ - flight.began >= write_time_max) fail(RecordingFault::slow_disk, 0);
  }
}

void RecordingFiles::on_done(const BlockWriter::Done& done) {
  Flight& flight = flights_[done.token];
  HAVKLO_ASSERT(flight.busy);
  flight.busy = false;
  --in_flight_count_;
  if (done.token < block_count) --blocks_in_flight_;
  if (done.token == open_token) {
    opening_ = false;
    next_file_ = done.result;
    return done.result < 0 ? fail(RecordingFault::disk_error, -done.result) : void();
  }
  if (done.result != static_cast<int32_t>(flight.bytes)) {
    // A short write is a full disk.
    const bool first = !good_end_ || flight.before.offset < good_end_->offset;
    if (first && !flight.of_last_file) good_end_ = flight.before;
    fail(RecordingFault::disk_error, done.result < 0 ? -done.result : ENOSPC);
  }
  if (flight.of_last_file && --last_file_writes_ == 0) {
    writer_.close_file(std::exchange(last_file_, -1));
  }
}

void RecordingFiles::fail(RecordingFault fault, int32_t os_error) {
  if (!fault_) fault_ = JournalFault{fault, os_error};
}

bool RecordingFiles::next_file_due(Instant now) {
  if (!limits_.max_size && !limits_.max_age) return false;
  if (file_began_ == Instant::never()) file_began_ = now;
  const uint64_t bytes = end_.offset + current_.used;
  const bool old = limits_.max_age && now - file_began_ >= *limits_.max_age;
  bool near = old;
  bool full = old;
  if (limits_.max_size) {
    const uint64_t most = *limits_.max_size;
    const uint64_t closing = BlockHeader::bytes + index_.closing_bytes() + IndexEntry::bytes;
    near = near || bytes + std::min(most / 2, open_ahead_bytes) >= most;
    full = full || bytes + closing + end_margin_bytes >= most;
  }
  if (near && next_file_ < 0 && !opening_) begin_to_open_next();
  return full && next_file_ >= 0 && last_file_ < 0 && !flights_[header_token].busy &&
         !flights_[closing_token].busy;
}

void RecordingFiles::begin_to_open_next() {
  std::array<char, digits_max> digits{};
  const char* end = std::to_chars(digits.begin(), digits.end(), segment_ + 1).ptr;
  next_path_.assign(path_).append(1, '.').append(digits.begin(),
                                                 static_cast<size_t>(end - digits.begin()));
  opening_ = true;
  flights_[open_token] = {.busy = true, .began = now_};
  ++in_flight_count_;
  writer_.open_file(next_path_.c_str(), open_token);
}

void RecordingFiles::go_over() {
  if (fault_) return;
  const Progress progress = end_.progress;
  write(closing_token, make_closing(ClosingReason::continued, 0), progress);
  for (Flight& flight : flights_) {
    if (!flight.busy) continue;
    flight.of_last_file = true;
    ++last_file_writes_;
  }
  last_file_ = std::exchange(file_, std::exchange(next_file_, -1));
  ++segment_;
  index_.clear();
  file_began_ = progress.time;
  const auto header = make_header(progress);
  write(header_token, header, progress);
}

// Ends the file where the first block that was not written began, and says there why. Without
// success it stays as it is: torn, its whole blocks good.
void RecordingFiles::close_after_fault() {
  if (good_end_) end_ = *good_end_;
  if (::ftruncate(file_, static_cast<off_t>(end_.offset)) != 0) return;
  index_.drop_from(end_.offset);
  const bool slow = fault_->fault == RecordingFault::slow_disk;
  const auto bytes =
      make_closing(slow ? ClosingReason::slow_disk : ClosingReason::disk_error, fault_->os_error);
  static_cast<void>(!::pwrite(file_, bytes.data(), bytes.size(), static_cast<off_t>(end_.offset)));
}

void RecordingFiles::wait_for_all() {
  for (int i = 0; i < finish_polls_max && in_flight_count_ != 0; ++i) {
    writer_.wait_done();
    while (const auto done = writer_.take_done()) on_done(*done);
  }
}

void RecordingFiles::finish() {
  wait_for_all();
  if (in_flight_count_ != 0) return fail(RecordingFault::slow_disk, 0);
  if (!fault_) {
    const auto bytes = make_closing(ClosingReason::finished, 0);
    write(closing_token, bytes, end_.progress);
    wait_for_all();
  }
  if (in_flight_count_ != 0) return fail(RecordingFault::slow_disk, 0);
  if (fault_) close_after_fault();
  if (next_file_ >= 0) ::unlink(next_path_.c_str());  // opened ahead, and not needed
}

}  // namespace havklo::replay
