// Depth first, from the server's certificate up; each step is checked before the next is tried.
#include "io/certificates/certificate_path.hpp"

#include <algorithm>

#include "io/certificates/certificate_signature.hpp"
#include "io/certificates/name_constraints.hpp"
#include "io/certificates/server_name.hpp"

namespace havklo::io {
namespace {

using Fault = CertificateFault;

// Names against subtrees, over a whole verdict: some 10 ms.
constexpr uint32_t compares_max = 1U << 18U;

Fault fault_of_key(const PublicKey& key) {
  if (key.spells_out_curve) return Fault::unsupported_algorithm;
  switch (key.type) {
    case KeyType::rsa:
    case KeyType::rsa_pss:
      if (key.bits > rsa_bits_max) return Fault::unsupported_algorithm;
      return key.bits < rsa_bits_min ? Fault::weak_key : Fault::none;
    case KeyType::ec:
      if (key.bits == 0) return Fault::unsupported_algorithm;  // some other curve
      return key.bits < curve_bits_min ? Fault::weak_key : Fault::none;
    case KeyType::ed25519:
      return Fault::none;
    case KeyType::other:
      break;
  }
  return Fault::unsupported_algorithm;
}

Fault fault_of_signature(const SignatureAlgorithm& algorithm) {
  if (algorithm.is_weak) return Fault::weak_signature;
  return algorithm.key == KeyType::other ? Fault::unsupported_algorithm : Fault::none;
}

Fault fault_of_time(const Certificate& certificate, int64_t now_s) {
  if (!certificate.not_before_s || !certificate.not_after_s) return Fault::malformed;
  if (*certificate.not_before_s > now_s) return Fault::not_yet_valid;
  return *certificate.not_after_s <= now_s ? Fault::expired : Fault::none;
}

// What holds of every certificate of a path.
Fault fault_of_any(const Certificate& certificate, int64_t now_s) {
  if (certificate.malformed) return Fault::malformed;
  if (certificate.has_unknown_critical) return Fault::critical_extension;
  if (const Fault key = fault_of_key(certificate.key); key != Fault::none) return key;
  if (const Fault time = fault_of_time(certificate, now_s); time != Fault::none) return time;
  return certificate.serves_tls.value_or(true) ? Fault::none : Fault::wrong_usage;
}

Fault fault_of_server(const Certificate& certificate, int64_t now_s) {
  if (const Fault any = fault_of_any(certificate, now_s); any != Fault::none) return any;
  const uint8_t netscape = certificate.netscape_type.value_or(Certificate::netscape_ssl_server);
  const bool is_for_servers = (netscape & Certificate::netscape_ssl_server) != 0;
  constexpr uint16_t usages =
      Certificate::digital_signature | Certificate::key_encipherment | Certificate::key_agreement;
  if (!is_for_servers || !certificate.allows(usages)) return Fault::wrong_usage;
  // wolfSSL does not read what such a key signs in a handshake (rsa_pss_pss_*, RFC 8446 §4.2.3).
  if (certificate.key.type == KeyType::rsa_pss) return Fault::unsupported_algorithm;
  return lies_on_its_curve(certificate.key) ? Fault::none : Fault::unsupported_algorithm;
}

// A root from before basicConstraints may do without them.
Fault fault_of_authority(const Certificate& certificate, bool is_anchor) {
  if (!certificate.allows(Certificate::key_cert_sign)) return Fault::no_signing_usage;
  if (certificate.has_basic_constraints) {
    return certificate.is_ca ? Fault::none : Fault::not_a_ca;
  }
  const bool is_old_root =
      certificate.is_version_1 || certificate.key_usage.has_value() ||
      (certificate.netscape_type.value_or(0) & Certificate::netscape_ssl_ca) != 0;
  return is_anchor && is_old_root ? Fault::none : Fault::not_a_ca;
}

class PathSearch {
 public:
  PathSearch(std::span<const Certificate> shown, const TrustStore& store, int64_t now_s)
      : shown_(shown), store_(store), now_s_(now_s) {}

  [[nodiscard]] Fault run() {
    const Certificate& server = shown_.front();
    if (const Fault fault = fault_of_server(server, now_s_); fault != Fault::none) return fault;
    path_.push_back(&server);
    if (extend()) return Fault::none;
    return fault_;
  }
  [[nodiscard]] const std::vector<const Certificate*>& path() const { return path_; }

 private:
  // What stops a path that a trusted root may end says more than a path that leads nowhere.
  bool stop(Fault fault) {
    const auto leads_nowhere = [](Fault each) {
      return each == Fault::unknown_issuer || each == Fault::none;
    };
    if (leads_nowhere(fault_)) fault_ = fault;
    return false;
  }

  bool extend() {
    const Certificate& last = *path_.back();
    if (last.is_self_signed()) {
      if (store_.holds(last)) return true;
      return stop(path_.size() == 1 ? Fault::self_signed : Fault::untrusted_root);
    }
    if (const Fault fault = fault_of_signature(last.signature_algorithm); fault != Fault::none) {
      return stop(fault);
    }
    for (const Certificate& candidate : store_.certificates()) {
      if (try_issuer(candidate, candidate.is_self_signed())) return true;
    }
    for (const Certificate& candidate : shown_.subspan(1)) {
      if (!store_.holds(candidate) && try_issuer(candidate, false)) return true;
    }
    return stop(Fault::unknown_issuer);
  }

  bool try_issuer(const Certificate& candidate, bool is_anchor) {
    const Certificate& last = *path_.back();
    if (!candidate.can_have_issued(last) || is_in_path(candidate)) return false;
    if (const Fault fault = fault_of_issuer(candidate, is_anchor); fault != Fault::none) {
      return stop(fault);
    }
    path_.push_back(&candidate);
    if (extend()) return true;
    path_.pop_back();
    return false;
  }

  [[nodiscard]] bool is_in_path(const Certificate& candidate) const {
    return std::ranges::any_of(
        path_, [&](const Certificate* each) { return der::equal(each->whole, candidate.whole); });
  }

  // The cheap first; a signature is the last to be looked at.
  Fault fault_of_issuer(const Certificate& issuer, bool is_anchor) {
    if (const Fault any = fault_of_any(issuer, now_s_); any != Fault::none) return any;
    const Fault authority = fault_of_authority(issuer, is_anchor);
    if (authority != Fault::none) return authority;
    const auto counts = [](const Certificate* each) { return !each->is_self_issued(); };
    const auto between = std::span(path_).subspan(1);
    if (issuer.path_length && std::ranges::count_if(between, counts) > *issuer.path_length) {
      return Fault::path_too_long;
    }
    if (path_.size() >= path_certificates_max || signature_checks_left_ == 0) {
      return Fault::path_too_long;
    }
    if (!permits_names_below(issuer)) return Fault::name_not_permitted;
    --signature_checks_left_;
    return check_signature(*path_.back(), issuer.key);
  }

  bool permits_names_below(const Certificate& issuer) {
    if (!issuer.name_constraints) return true;
    return std::ranges::all_of(path_, [&](const Certificate* below) {
      const bool counts = below == path_.front() || !below->is_self_issued();
      return !counts || is_permitted(*below, *issuer.name_constraints, compares_left_);
    });
  }

  std::span<const Certificate> shown_;
  const TrustStore& store_;
  int64_t now_s_;
  std::vector<const Certificate*> path_;
  Fault fault_ = Fault::none;  // of the first path that came far
  uint32_t signature_checks_left_ = signature_checks_max;
  uint32_t compares_left_ = compares_max;
};

}  // namespace

CertificateVerdict judge_server(std::span<const der::Bytes> shown, const TrustStore& store,
                                std::string_view host, int64_t now_s) {
  std::vector<Certificate> certificates;
  for (const der::Bytes der : shown) {
    auto certificate = Certificate::parse(der);
    if (!certificate) return {.fault = Fault::malformed};
    certificates.push_back(std::move(*certificate));
  }
  if (certificates.empty()) return {.fault = Fault::malformed};
  PathSearch search(certificates, store, now_s);
  CertificateVerdict verdict{.fault = search.run()};
  if (verdict.fault != Fault::none) return verdict;
  verdict.fault = check_server_name(certificates.front(), host);
  if (verdict.fault != Fault::none) return verdict;
  for (const Certificate* each : search.path()) verdict.path.push_back(each->whole);
  return verdict;
}

}  // namespace havklo::io
