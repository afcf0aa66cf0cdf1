// Handing on, taking back, going over to the next file, and the end.
#include "replay/recording/files.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <cstdlib>
#include <cstring>
#include <havklo/assert.hpp>
#include <string_view>
#include <utility>

#include "replay/recording/event_digest.hpp"

namespace havklo::replay {
namespace {

constexpr size_t page_bytes = 4096;
constexpr size_t digits_max = 10;

// A write that takes longer: the disk hangs, and what is recorded meanwhile would be lost.
constexpr Duration write_time_max = Duration::seconds(30);
constexpr Duration sync_interval = Duration::milliseconds(400);
constexpr Duration stall_check_interval = Duration::seconds(1);

// How long after the name of the next file was somebody else's it is tried again.
constexpr Duration taken_name_interval = Duration::seconds(60);

// Before a file is full the next one is opened, so that it is there in time.
constexpr uint64_t open_ahead_bytes = 1024 * 1024;
// What a turn may add before the end of a file is looked at again.
constexpr uint64_t end_margin_bytes = 16 * 1024;

// How long finish() waits for the disk: this many times the writer's own wait.
constexpr int finish_polls_max = 400;

std::string reason_text(int error) { return std::strerror(error); }

// The limit on the size of files (RLIMIT_FSIZE). Who writes beyond it gets a signal, which ends a
// program that does not expect it.
bool is_beyond_file_limit(uint64_t end) {
  rlimit limit{};
  return ::getrlimit(RLIMIT_FSIZE, &limit) == 0 && limit.rlim_cur != RLIM_INFINITY &&
         end > limit.rlim_cur;
}

// Why a write was not whole. The kernel cuts one at the limit on the size of files; past the page
// cache what is left is no longer aligned, and it says "Invalid argument".
int32_t error_of_write(int32_t result, uint64_t end) {
  const bool cut = result >= 0 || result == -EINVAL;
  if (cut && is_beyond_file_limit(end)) return EFBIG;
  return result < 0 ? -result : ENOSPC;  // a short write is a full disk
}

bool has_name(int file) {
  struct stat status {};
  return ::fstat(file, &status) != 0 || status.st_nlink != 0;
}

// What was written first is still there: of a file that was cut short in between, and written to
// again, a hole.
bool has_its_beginning(int file) {
  const off_t data = ::lseek(file, 0, SEEK_DATA);
  return data == 0 || (data < 0 && errno != ENXIO);
}

constexpr size_t whole_pages(size_t bytes) {
  return (bytes + page_bytes - 1) / page_bytes * page_bytes;
}

}  // namespace

std::expected<std::unique_ptr<RecordingFiles>, std::string> RecordingFiles::open(
    const std::string& path, const RecordingSettings& limits, HeaderText header,
    BlockWriter& writer) {
  std::unique_ptr<RecordingFiles> files(new RecordingFiles(path, limits, writer));
  files->header_text_ = std::move(header);
  if (!files->take_memory()) {
    return std::unexpected("cannot record to '" + path + "': " + reason_text(ENOMEM));
  }
  if (auto opened = files->open_first(); !opened) {
    return std::unexpected("cannot record to '" + path + "': " + opened.error());
  }
  return files;
}

RecordingFiles::RecordingFiles(const std::string& path, const RecordingSettings& limits,
                               BlockWriter& writer)
    : path_(path), limits_(limits), writer_(writer) {
  next_path_.reserve(path.size() + 1 + digits_max);
}

RecordingFiles::~RecordingFiles() {
  for (const int file : {file_, next_file_, last_file_}) {
    if (file >= 0) ::close(file);
  }
}

void RecordingFiles::FreeMemory::operator()(std::byte* memory) const { std::free(memory); }

bool RecordingFiles::take_memory() {
  const size_t closing = whole_pages(BlockHeader::bytes + BlockIndex::closing_bytes_max);
  const size_t header = whole_pages(BlockHeader::bytes + header_text_.before.size() + digits_max +
                                    header_text_.after.size() + 1);
  const size_t bytes = block_count * block_bytes + closing + header;
  const std::span<std::byte> given = writer_.block_memory(bytes);
  blocks_ = given.data();
  if (given.empty()) {
    own_memory_.reset(static_cast<std::byte*>(std::aligned_alloc(page_bytes, bytes)));
    if (own_memory_ == nullptr) return false;
    blocks_ = own_memory_.get();
    std::memset(blocks_, 0, bytes);  // no page faults later
  }
  closing_ = blocks_ + block_count * block_bytes;
  header_ = closing_ + closing;
  return true;
}

// A copy into the page cache costs more than all the rest of recording. A file system that does not
// take direct writes, or not from pages, gets the others.
void RecordingFiles::go_past_the_page_cache() {
  struct statx status {};
  if (::statx(file_, "", AT_EMPTY_PATH, STATX_DIOALIGN, &status) != 0) return;
  if ((status.stx_mask & STATX_DIOALIGN) == 0 || status.stx_dio_offset_align == 0) return;
  if (status.stx_dio_offset_align > page_bytes || status.stx_dio_mem_align > page_bytes) return;
  const int flags = ::fcntl(file_, F_GETFL);
  if (flags < 0 || ::fcntl(file_, F_SETFL, flags | O_DIRECT) != 0) return;
  alignment_ = status.stx_dio_offset_align;
}

std::expected<void, std::string> RecordingFiles::open_first() {
  const bool goes_over = limits_.max_size || limits_.max_age;
  auto first = FirstFile::open(path_, goes_over, limits_.overwrite);
  if (!first) return std::unexpected(std::move(first.error()));
  first_ = std::move(*first);
  file_ = ::fcntl(first_.file(), F_DUPFD_CLOEXEC, 0);
  if (file_ < 0) return std::unexpected(reason_text(errno));
  has_name_ = has_name(file_);
  go_past_the_page_cache();
  const Progress nothing{.digest = EventDigest().value()};
  const auto header = make_header(nothing);
  ssize_t written = -1;
  int error = EFBIG;
  if (!is_beyond_file_limit(header.size())) {
    written = ::pwrite(file_, header.data(), header.size(), 0);
    error = written < 0 ? errno : ENOSPC;
  }
  if (written != static_cast<ssize_t>(header.size())) return std::unexpected(reason_text(error));
  end_ = {.offset = header.size(), .next_number = 1, .progress = nothing};
  begin_block(0);
  return {};
}

std::expected<void, std::string> RecordingFiles::keep() {
  if (first_.is_kept()) return {};
  if (auto kept = first_.keep(); !kept) {
    return std::unexpected("cannot record to '" + path_ + "': " + kept.error());
  }
  return {};
}

std::span<const std::byte> RecordingFiles::make_header(const Progress& progress) {
  std::byte* const payload = header_ + BlockHeader::bytes;
  std::byte* at = payload;
  const auto put = [&at](std::string_view text) {
    std::memcpy(at, text.data(), text.size());
    at += text.size();
  };
  put(header_text_.before);
  std::array<char, digits_max> digits{};
  const char* end = std::to_chars(digits.begin(), digits.end(), segment_).ptr;
  put({digits.begin(), static_cast<size_t>(end - digits.begin())});
  put("\n");
  put(header_text_.after);
  std::byte* const padded = header_ + aligned(static_cast<size_t>(at - header_));
  std::memset(at, '\n', static_cast<size_t>(padded - at));
  at = padded;
  const auto bytes = static_cast<uint32_t>(at - payload);
  end_ = {};
  const auto block_head =
      head(BlockKind::header, {payload, bytes}, crc32c(0, {payload, bytes}), progress);
  std::memcpy(header_, block_head.data(), block_head.size());
  return {header_, block_head.size() + bytes};
}

std::span<const std::byte> RecordingFiles::make_closing(ClosingReason reason, int32_t os_error) {
  std::byte* const payload = closing_ + BlockHeader::bytes;
  const size_t padding = closing_size() - BlockHeader::bytes - index_.closing_bytes();
  const size_t bytes = index_.write_closing(payload, reason, os_error, end_.offset, padding);
  const auto block_head =
      head(BlockKind::closing, {payload, bytes}, crc32c(0, {payload, bytes}), end_.progress);
  std::memcpy(closing_, block_head.data(), block_head.size());
  return {closing_, block_head.size() + bytes};
}

size_t RecordingFiles::closing_size() const {
  return aligned(BlockHeader::bytes + index_.closing_bytes());
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

// Blocks that are full end at a page, whatever those before them left.
void RecordingFiles::begin_block(uint32_t number) {
  current_number_ = number;
  current_ = {.payload = blocks_ + number * block_bytes + BlockHeader::bytes,
              .capacity = static_cast<uint32_t>(block_bytes - BlockHeader::bytes -
                                                end_.offset % page_bytes)};
}

void RecordingFiles::pad() {
  const size_t end = aligned(BlockHeader::bytes + current_.used) - BlockHeader::bytes;
  std::memset(current_.payload + current_.used, static_cast<int>(EntryTag::padding),
              end - current_.used);
  current_.used = static_cast<uint32_t>(end);
}

void RecordingFiles::hand_on(const Progress& progress, uint32_t payload_crc) {
  if (!first_.is_kept() && !first_.keep()) fail(RecordingFault::disk_error, EBUSY);
  std::byte* const block = current_.payload - BlockHeader::bytes;
  const auto block_head =
      head(BlockKind::turns, {current_.payload, current_.used}, payload_crc, progress);
  std::memcpy(block, block_head.data(), block_head.size());
  index_.add({.offset = end_.offset,
              .time = progress.time,
              .turns = progress.turns,
              .sequence = progress.sequence});
  ends_[ends_count_++ % ends_kept] = end_;
  look_for_file();
  write(current_number_, {block, block_head.size() + current_.used}, progress);
  take_back();
  const uint32_t number = free_block();
  if (number == block_count) fail(RecordingFault::slow_disk, 0);
  begin_block(number == block_count ? 0 : number);
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
  if (done.token == open_token) return on_next_opened(done.result);
  if (done.token == look_token) {
    // Whoever took its last name away, or what is in it, takes the recording, which ends with us.
    if (done.result == 0) fail(RecordingFault::disk_error, ENOENT);
  } else if (done.result != static_cast<int32_t>(flight.bytes)) {
    const bool first = !good_end_ || flight.before.offset < good_end_->offset;
    if (first && !flight.of_last_file) good_end_ = flight.before;
    fail(RecordingFault::disk_error,
         error_of_write(done.result, flight.before.offset + flight.bytes));
  }
  if (flight.of_last_file && --last_file_writes_ == 0) {
    writer_.close_file(std::exchange(last_file_, -1));
  }
}

// A name that is taken is somebody else's: what is there stays, and we stay in the file that we
// have.
void RecordingFiles::on_next_opened(int32_t result) {
  opening_ = false;
  if (result >= 0) {
    next_file_ = result;
  } else if (result == -EEXIST) {
    open_next_from_ = now_ + taken_name_interval;
  } else {
    fail(RecordingFault::disk_error, -result);
  }
}

// Of what is in flight nobody knows yet how far it is.
uint64_t RecordingFiles::written_bytes() const {
  uint64_t bytes = end_.offset;
  for (uint32_t token = 0; token < open_token; ++token) {
    const Flight& flight = flights_[token];
    if (flight.busy && !flight.of_last_file) bytes = std::min(bytes, flight.before.offset);
  }
  return bytes;
}

bool RecordingFiles::holds(uint64_t bytes) const {
  struct stat status {};
  if (!has_name_ || ::fstat(file_, &status) != 0) return true;
  return status.st_nlink != 0 && static_cast<uint64_t>(status.st_size) >= bytes &&
         has_its_beginning(file_);
}

void RecordingFiles::look_for_file() {
  if (!has_name_ || flights_[look_token].busy) return;
  flights_[look_token] = {.busy = true, .began = now_};
  ++in_flight_count_;
  writer_.look_for(file_, written_bytes(), look_token);
}

void RecordingFiles::fail(RecordingFault fault, int32_t os_error) {
  // io_uring calls a job so for which the kernel can start no thread.
  if (os_error == ECANCELED) os_error = EAGAIN;
  if (!fault_) fault_ = JournalFault{fault, os_error};
}

bool RecordingFiles::is_due(Instant now) {
  if (file_began_ == Instant::never()) file_began_ = now;
  const uint64_t bytes = end_.offset + current_.used;
  const bool old = limits_.max_age && now - file_began_ >= *limits_.max_age;
  bool near = old;
  bool full = old;
  if (limits_.max_size) {
    const uint64_t most = *limits_.max_size;
    const uint64_t closing = closing_size() + IndexEntry::bytes;
    near = near || bytes + std::min(most / 2, open_ahead_bytes) >= most;
    full = full || bytes + closing + end_margin_bytes >= most;
  }
  if (near && next_file_ < 0 && !opening_ && now >= open_next_from_) begin_to_open_next();
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
  writer_.open_file(next_path_.c_str(), open_token, alignment_ != 1);
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
  ends_count_ = 0;
  file_began_ = progress.time;
  const auto header = make_header(progress);
  write(header_token, header, progress);
  begin_block(current_number_);
}

// Ends the file where the first block that was not written began, and says there why. A disk
// without room even for that gives the room of the last whole blocks: better to lose them than the
// reason.
// Without success the file stays as it is: torn, its whole blocks good. So does one that somebody
// cut short: it holds nothing to end.
void RecordingFiles::close_after_fault() {
  const End good = good_end_.value_or(end_);
  if (!holds(good.offset)) return;
  if (::ftruncate(file_, static_cast<off_t>(good.offset)) != 0) return;
  if (close_at(good, 0)) return;
  [[maybe_unused]] const int tried = ::ftruncate(file_, static_cast<off_t>(good.offset));
  const uint32_t kept = std::min<uint32_t>(ends_count_, ends_kept);
  for (uint32_t i = 1; i <= kept; ++i) {
    const End& end = ends_[(ends_count_ - i) % ends_kept];
    if (end.offset < good.offset && close_at(end, good.offset)) return;
  }
}

// `good_bytes`: of the file; the closing block must fit into them if they are not 0.
bool RecordingFiles::close_at(const End& end, uint64_t good_bytes) {
  end_ = end;
  index_.drop_from(end.offset);
  const auto fits = [&] { return good_bytes == 0 || end.offset + closing_size() <= good_bytes; };
  while (!fits() && index_.entries().size() > 1) index_.thin_out();
  if (!fits()) return false;
  const bool slow = fault_->fault == RecordingFault::slow_disk;
  const auto bytes =
      make_closing(slow ? ClosingReason::slow_disk : ClosingReason::disk_error, fault_->os_error);
  const auto at = static_cast<off_t>(end.offset);
  if (is_beyond_file_limit(end.offset + bytes.size())) return false;
  const ssize_t written = ::pwrite(file_, bytes.data(), bytes.size(), at);
  return written == static_cast<ssize_t>(bytes.size()) &&
         ::ftruncate(file_, at + static_cast<off_t>(bytes.size())) == 0;
}

void RecordingFiles::wait_for_all() {
  for (int i = 0; i < finish_polls_max && in_flight_count_ != 0; ++i) {
    writer_.wait_done();
    while (const auto done = writer_.take_done()) on_done(*done);
  }
}

void RecordingFiles::finish() {
  if (!first_.is_kept() && !first_.keep()) fail(RecordingFault::disk_error, EBUSY);
  wait_for_all();
  if (in_flight_count_ != 0) return fail(RecordingFault::slow_disk, 0);
  if (!fault_ && !holds(end_.offset)) fail(RecordingFault::disk_error, ENOENT);
  if (!fault_) {
    const auto bytes = make_closing(ClosingReason::finished, 0);
    write(closing_token, bytes, end_.progress);
    wait_for_all();
  }
  if (in_flight_count_ != 0) return fail(RecordingFault::slow_disk, 0);
  if (fault_) close_after_fault();
  if (next_file_ >= 0) remove_own_file(next_path_, next_file_);  // opened ahead, and not needed
}

}  // namespace havklo::replay
