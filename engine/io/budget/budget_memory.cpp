// mmap(2); for a file: open or make, look at every field, then map.
#include "io/budget/budget_memory.hpp"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <bit>
#include <cerrno>
#include <chrono>
#include <cstddef>
#include <cstdlib>
#include <cstring>
#include <thread>
#include <utility>
#include <vector>

#include "io/budget/shared_places.hpp"

namespace havklo::io {
namespace {

static_assert(std::endian::native == std::endian::little, "the file is little-endian");

constexpr std::array<char, 8> magic = {'H', 'V', 'K', 'B', 'U', 'D', 'G', '1'};

struct Head {
  std::array<char, 8> magic{};
  uint32_t attempts = 0;
  uint32_t zero_1 = 0;
  int64_t window_ns = 0;
  int64_t utc_offset_ns = 0;
  std::array<char, 36> boot_id{};
  uint32_t zero_2 = 0;
  std::array<char, 312> counts_for{};
  uint64_t check = 0;
};
static_assert(sizeof(Head) == 392 && offsetof(Head, check) == 384);

// A name of 253 characters, " from ", an address of 45.
static_assert(sizeof(Head::counts_for) >= 253 + 6 + 45);

uint64_t check_of(const Head& head) {
  std::array<unsigned char, offsetof(Head, check)> bytes{};
  std::memcpy(bytes.data(), &head, bytes.size());
  uint64_t hash = 0xCBF29CE484222325U;
  for (const unsigned char byte : bytes) hash = (hash ^ byte) * 0x100000001B3U;
  return hash;
}

size_t bytes_of(uint32_t attempts) { return sizeof(Head) + size_t{attempts} * sizeof(int64_t); }

// Another that opens it at this moment needs some microseconds.
constexpr std::chrono::milliseconds lock_step{1};
constexpr int lock_steps_max = 500;

// A descriptor that is closed unless somebody takes it.
struct OpenFile {
  int descriptor = -1;
  OpenFile() = default;
  explicit OpenFile(int opened) : descriptor(opened) {}
  OpenFile(OpenFile&& other) noexcept : descriptor(std::exchange(other.descriptor, -1)) {}
  OpenFile& operator=(OpenFile&&) = delete;
  ~OpenFile() {
    if (descriptor >= 0) ::close(descriptor);
  }
};

struct Refusal {
  const std::string& path;
  std::unexpected<std::string> operator()(const std::string& what) const {
    return std::unexpected("the budget file '" + path + "' " + what);
  }
  std::unexpected<std::string> by_errno(const char* doing) const {
    return std::unexpected(std::string("cannot ") + doing + " the budget file '" + path +
                           "': " + std::strerror(errno));
  }
};

bool write_all(int file, const void* data, size_t bytes) {
  const auto* at = static_cast<const char*>(data);
  while (bytes != 0) {
    const ssize_t written = ::write(file, at, bytes);
    if (written < 0 && errno == EINTR) continue;
    if (written <= 0) return false;
    at += written;
    bytes -= static_cast<size_t>(written);
  }
  return true;
}

bool read_head(int file, Head& head) {
  std::array<char, sizeof(Head)> bytes{};
  if (::pread(file, bytes.data(), bytes.size(), 0) != static_cast<ssize_t>(bytes.size())) {
    return false;
  }
  std::memcpy(&head, bytes.data(), bytes.size());
  return true;
}

bool write_head(int file, Head head) {
  head.check = check_of(head);
  return ::pwrite(file, &head, sizeof head, 0) == static_cast<ssize_t>(sizeof head);
}

Head new_head(const ConnectBudgetSettings& numbers, std::string_view counts_for, const Boot& boot) {
  Head head{.magic = magic,
            .attempts = numbers.attempts,
            .window_ns = numbers.window.ns,
            .utc_offset_ns = boot.utc_offset.ns,
            .boot_id = boot.id};
  counts_for.copy(head.counts_for.data(), head.counts_for.size() - 1);
  head.check = check_of(head);
  return head;
}

// Makes the file under another name and gives it its own; there may be one by then, which is as
// good.
std::expected<void, std::string> make_file(const std::string& path, const Head& head) {
  std::string draft = path + ".XXXXXX";
  const OpenFile file(::mkostemp(draft.data(), O_CLOEXEC));  // 0600
  if (file.descriptor < 0) return Refusal{path}.by_errno("make");
  std::vector<int64_t> slots(head.attempts);
  SharedPlaces::all_free(slots);
  const bool made = write_all(file.descriptor, &head, sizeof head) &&
                    write_all(file.descriptor, slots.data(), slots.size() * sizeof(int64_t)) &&
                    ::fsync(file.descriptor) == 0 &&
                    (::link(draft.c_str(), path.c_str()) == 0 || errno == EEXIST);
  const int error = errno;
  ::unlink(draft.c_str());
  errno = error;
  if (!made) return Refusal{path}.by_errno("make");
  return {};
}

// The file, and the exclusive right to its head.
std::expected<OpenFile, std::string> open_locked(const std::string& path, const Head& head) {
  for (int step = 0; step < lock_steps_max; ++step) {
    OpenFile file(::open(path.c_str(), O_RDWR | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK));
    if (file.descriptor < 0) {
      if (errno != ENOENT) return Refusal{path}.by_errno("open");
      if (auto made = make_file(path, head); !made) return std::unexpected(made.error());
      continue;
    }
    if (::flock(file.descriptor, LOCK_EX | LOCK_NB) == 0) {
      struct stat status {};
      if (::fstat(file.descriptor, &status) != 0) return Refusal{path}.by_errno("look at");
      if (!S_ISREG(status.st_mode)) return Refusal{path}("is no file: name another path");
      if (status.st_nlink != 0) return file;
    } else if (errno != EWOULDBLOCK && errno != EINTR) {
      return Refusal{path}.by_errno("lock");
    }
    std::this_thread::sleep_for(lock_step);
  }
  return Refusal{path}("is held by another process for too long: look who has it open");
}

std::string numbers_text(const Head& head) {
  const bool in_ms = head.window_ns % 1'000'000 == 0;
  return "connect_budget = " + std::to_string(head.attempts) + ", connect_budget_window = " +
         (in_ms ? std::to_string(head.window_ns / 1'000'000) + "ms"
                : std::to_string(head.window_ns) + "ns");
}

std::expected<void, std::string> check_head(const std::string& path, const Head& head,
                                            uint64_t file_bytes, const Head& wanted) {
  const Refusal refuse{path};
  if (head.magic != magic) {
    return refuse("is no budget file of this version: name another path");
  }
  if (head.check != check_of(head)) return refuse("is damaged: remove it");
  const auto text = [](const Head& of) {
    return std::string(of.counts_for.data(), ::strnlen(of.counts_for.data(), of.counts_for.size()));
  };
  if (text(head) != text(wanted)) {
    return refuse("counts attempts to " + text(head) + ", not to " + text(wanted) +
                  ": give each its own");
  }
  if (head.attempts != wanted.attempts || head.window_ns != wanted.window_ns) {
    return refuse("was made with " + numbers_text(head) + ", not " + numbers_text(wanted) +
                  ": set the same, or remove it");
  }
  if (file_bytes != bytes_of(head.attempts)) {
    return refuse("is damaged: it has " + std::to_string(file_bytes) + " bytes instead of " +
                  std::to_string(bytes_of(head.attempts)) + "; remove it");
  }
  return {};
}

}  // namespace

std::expected<std::unique_ptr<BudgetMemory>, std::string> BudgetMemory::of_process(
    const ConnectBudgetSettings& numbers) {
  std::unique_ptr<BudgetMemory> memory(new BudgetMemory);
  const size_t bytes = size_t{numbers.attempts} * sizeof(int64_t);
  void* const mapped =
      ::mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  if (mapped == MAP_FAILED) {
    return std::unexpected(std::string("cannot map memory for a connect budget: ") +
                           std::strerror(errno));
  }
  memory->mapped_ = mapped;
  memory->bytes_ = bytes;
  memory->slots_ = {static_cast<int64_t*>(mapped), numbers.attempts};
  SharedPlaces::all_free(memory->slots_);
  return memory;
}

std::expected<std::unique_ptr<BudgetMemory>, std::string> BudgetMemory::of_file(
    const std::string& path, const ConnectBudgetSettings& numbers, std::string_view counts_for,
    const Boot& boot) {
  const Refusal refuse{path};
  const Head wanted = new_head(numbers, counts_for, boot);
  auto file = open_locked(path, wanted);
  if (!file) return std::unexpected(std::move(file.error()));
  struct stat status {};
  if (::fstat(file->descriptor, &status) != 0) return refuse.by_errno("look at");
  Head head;
  if (!read_head(file->descriptor, head)) {
    return refuse("is no budget file, or one that was cut short: remove it");
  }
  const auto file_bytes = static_cast<uint64_t>(status.st_size);
  if (auto good = check_head(path, head, file_bytes, wanted); !good) {
    return std::unexpected(std::move(good.error()));
  }
  std::unique_ptr<BudgetMemory> memory(new BudgetMemory);
  void* const mapped =
      ::mmap(nullptr, file_bytes, PROT_READ | PROT_WRITE, MAP_SHARED, file->descriptor, 0);
  if (mapped == MAP_FAILED) return refuse.by_errno("map");
  memory->mapped_ = mapped;
  memory->bytes_ = file_bytes;
  memory->slots_ = {reinterpret_cast<int64_t*>(static_cast<char*>(mapped) + sizeof(Head)),
                    head.attempts};
  if (head.boot_id != boot.id) {
    head.boot_id = boot.id;
    head.utc_offset_ns = boot.utc_offset.ns;
    if (!write_head(file->descriptor, head)) return refuse.by_errno("write");
  }
  memory->offset_ = {head.utc_offset_ns};
  ::flock(file->descriptor, LOCK_UN);
  memory->file_ = std::exchange(file->descriptor, -1);
  return memory;
}

BudgetMemory::~BudgetMemory() {
  if (mapped_ != nullptr) ::munmap(mapped_, bytes_);
  if (file_ >= 0) ::close(file_);
}

bool BudgetMemory::is_whole() const {
  if (file_ < 0) return true;
  struct stat status {};
  return ::fstat(file_, &status) == 0 && static_cast<uint64_t>(status.st_size) >= bytes_;
}

}  // namespace havklo::io
