// PEM out of files and folders.
#include "io/certificates/trust_store.hpp"

#include <dirent.h>
#include <fcntl.h>
#include <poll.h>
#include <sys/stat.h>
#include <unistd.h>
#include <wolfssl/options.h>
// options.h comes first: it says how the library was built.
#include <wolfssl/wolfcrypt/coding.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <memory>
#include <optional>
#include <string_view>
#include <utility>

namespace havklo::io {
namespace {

constexpr std::array pem_labels = {std::string_view("CERTIFICATE"),
                                   std::string_view("X509 CERTIFICATE")};

// The text between the next BEGIN and END of a certificate; what comes before is taken away.
std::optional<std::string_view> next_pem(std::string_view& text) {
  for (;;) {
    constexpr std::string_view begin = "-----BEGIN ";
    const size_t at = text.find(begin);
    if (at == std::string_view::npos) return std::nullopt;
    text.remove_prefix(at + begin.size());
    const size_t label_end = text.find("-----");
    const std::string_view label = text.substr(0, label_end);
    if (std::ranges::find(pem_labels, label) == pem_labels.end()) continue;
    text.remove_prefix(label_end + 5);
    const size_t end = text.find("-----END ");
    if (end == std::string_view::npos) return text;  // it breaks off: no Base64
    const std::string_view body = text.substr(0, end);
    text.remove_prefix(end);
    return body;
  }
}

std::vector<uint8_t> from_base64(std::string_view text) {
  std::vector<uint8_t> der(text.size());
  auto bytes = static_cast<word32>(der.size());
  const int decoded =
      Base64_Decode(reinterpret_cast<const ::byte*>(text.data()), static_cast<word32>(text.size()),
                    reinterpret_cast<::byte*>(der.data()), &bytes);
  der.resize(decoded == 0 ? bytes : 0);
  return der;
}

// A store of all the world's authorities has less than a megabyte.
constexpr size_t file_bytes_max = size_t{16} << 20U;

std::unexpected<std::string> cannot_read(const std::string& path, int error) {
  const std::string why = error == EFBIG ? "it is longer than 16 MB" : std::strerror(error);
  return std::unexpected("cannot read the CA file '" + path + "': " + why);
}

// For who writes to a pipe that somebody named.
constexpr int writer_wait_ms = 1000;

// The machine's fault, whatever the file.
bool is_exhaustion(int error) { return error == EMFILE || error == ENFILE || error == ENOMEM; }

// Or an errno. O_NONBLOCK: a FIFO that nobody writes to must not hold us up; it is read as empty.
std::expected<std::string, int> read_file(const std::string& path) {
  const int file = ::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK);
  if (file < 0) return std::unexpected(errno);
  const std::unique_ptr<const int, void (*)(const int*)> closing(
      &file, [](const int* open) { ::close(*open); });
  std::string content;
  std::array<char, 65536> piece;
  for (;;) {
    const ssize_t bytes = ::read(file, piece.data(), piece.size());
    if (bytes < 0) {
      const int error = errno;
      pollfd waits{.fd = file, .events = POLLIN, .revents = 0};
      const bool comes = error == EAGAIN && ::poll(&waits, 1, writer_wait_ms) > 0;
      if (error != EINTR && !comes) return std::unexpected(error);
      continue;
    }
    if (bytes == 0) return content;
    content.append(piece.data(), static_cast<size_t>(bytes));
    if (content.size() > file_bytes_max) return std::unexpected(EFBIG);
  }
}

}  // namespace

bool TrustStore::add(std::vector<uint8_t> der) {
  if (std::ranges::find(ders_, der) != ders_.end()) return true;
  ders_.push_back(std::move(der));
  auto certificate = Certificate::parse(ders_.back());
  if (certificate) {
    certificates_.push_back(std::move(*certificate));
  } else {
    ders_.pop_back();
  }
  return certificate.has_value();
}

std::expected<void, std::string> TrustStore::add_file(const std::string& path, Unreadable how) {
  auto read = read_file(path);
  if (!read && how == Unreadable::leave_out && !is_exhaustion(read.error())) return {};
  if (!read) return cannot_read(path, read.error());
  const std::string& content = *read;
  if (content.empty() && how == Unreadable::refuse) {
    return std::unexpected("the CA file '" + path + "' is empty: it must hold PEM certificates");
  }
  std::string_view text = content;
  for (int number = 1; const auto pem = next_pem(text); ++number) {
    if (!add(from_base64(*pem)) && how == Unreadable::refuse) {
      return std::unexpected("the CA file '" + path +
                             "' holds a certificate that cannot be read, " + "number " +
                             std::to_string(number) + " of it");
    }
  }
  return {};
}

// The same certificate lies in a folder several times, by links and in a bundle.
std::expected<void, std::string> TrustStore::add_folder(const std::string& path, Unreadable how) {
  // Not std::filesystem's iterator: libstdc++'s ends the program where memory is short.
  const std::unique_ptr<DIR, int (*)(DIR*)> entries(::opendir(path.c_str()), ::closedir);
  if (!entries) {
    return std::unexpected("cannot read the CA folder '" + path + "': " + std::strerror(errno));
  }
  std::vector<std::string> files;
  while (const dirent* entry = ::readdir(entries.get())) {
    std::string file = path + "/" + entry->d_name;
    struct stat status {};  // a link that leads nowhere, a folder: nothing to read
    if (::stat(file.c_str(), &status) == 0 && S_ISREG(status.st_mode)) {
      files.push_back(std::move(file));
    }
  }
  std::ranges::sort(files);
  for (const std::string& file : files) {
    if (auto added = add_file(file, Unreadable::leave_out); !added) return added;
  }
  if (empty() && how == Unreadable::refuse) {
    return std::unexpected("the CA folder '" + path + "' holds no file with a PEM certificate");
  }
  return {};
}

std::expected<TrustStore, std::string> TrustStore::from(const std::string& path, Unreadable how) {
  TrustStore store;
  std::error_code error;
  const bool is_folder = std::filesystem::is_directory(path, error);
  const auto added = is_folder ? store.add_folder(path, how) : store.add_file(path, how);
  if (!added) return std::unexpected(added.error());
  if (store.empty() && how == Unreadable::refuse) {
    return std::unexpected("the CA file '" + path + "' holds no usable PEM certificate");
  }
  return store;
}

std::expected<TrustStore, std::string> TrustStore::from(const std::string& path) {
  return from(path, Unreadable::refuse);
}

std::expected<TrustStore, std::string> TrustStore::of_system() {
  std::string why =
      "no CA certificates in the system's store: install ca-certificates, or name a CA file";
  for (const char* folder :
       {"/etc/ssl/certs", "/etc/pki/ca-trust/source/anchors", "/etc/pki/tls/certs"}) {
    if (::access(folder, F_OK) != 0) continue;
    auto store = from(folder, Unreadable::leave_out);
    if (store && !store->empty()) return store;
    if (!store) why = store.error();
  }
  return std::unexpected(why);
}

bool TrustStore::holds(const Certificate& certificate) const {
  return std::ranges::any_of(certificates_, [&](const Certificate& each) {
    return der::equal(each.whole, certificate.whole);
  });
}

}  // namespace havklo::io
