// The certificates that are trusted, or may help to reach one that is.
//
// A self-signed one is a trust anchor; another one (an intermediate beside the roots) is a link.
// Owns:   their DER.
// Errors: one line that names the file. What somebody named must be readable as a whole; of the
//         system's store, what cannot be read is left out.
// Threads: read by one thread at a time, never changed after it is made.
#pragma once

#include <deque>
#include <expected>
#include <span>
#include <string>
#include <vector>

#include "io/certificates/certificate.hpp"

namespace havklo::io {

class TrustStore {
 public:
  // PEM certificates of a file, or of the files in a folder.
  [[nodiscard]] static std::expected<TrustStore, std::string> from(const std::string& path);
  // Of the system: the first of the usual folders that has any.
  [[nodiscard]] static std::expected<TrustStore, std::string> of_system();

  [[nodiscard]] std::span<const Certificate> certificates() const { return certificates_; }
  [[nodiscard]] bool holds(const Certificate& certificate) const;
  [[nodiscard]] bool empty() const { return certificates_.empty(); }

 private:
  enum class Unreadable : uint8_t { refuse, leave_out };

  [[nodiscard]] std::expected<void, std::string> add_file(const std::string& path, Unreadable how);
  [[nodiscard]] std::expected<void, std::string> add_folder(const std::string& path,
                                                            Unreadable how);
  // Whether it is a certificate.
  [[nodiscard]] bool add(std::vector<uint8_t> der);
  [[nodiscard]] static std::expected<TrustStore, std::string> from(const std::string& path,
                                                                   Unreadable how);

  std::deque<std::vector<uint8_t>> ders_;  // their addresses stay
  std::vector<Certificate> certificates_;
};

}  // namespace havklo::io
