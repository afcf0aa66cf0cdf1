// What wolfSSL holds: tools/setup compiles it with these and installs them as <wolfssl/options.h>, which ours read too. Its configure
// script would write the same in three times the processor time that the compiler then needs.
#pragma once

// The machine: Debian on x86-64, as its configure script would find it.
#define WOLFSSL_X86_64_BUILD
#define HAVE___UINT128_T 1
#define HAVE_C___ATOMIC 1
#define WOLFSSL_HAVE_ATOMIC_H
#define HAVE_THREAD_LS
#define HAVE_PTHREAD 1
#define HAVE_GMTIME_R 1
#define HAVE_UINTPTR_T 1
#define SIZEOF_LONG 8
#define SIZEOF_LONG_LONG 8
#define SIZEOF_TIME_T 8
#define ERROR_QUEUE_PER_THREAD
#define WC_NO_ASYNC_THREADING

// The protocol: TLS 1.3 and 1.2, client and server.
#define WOLFSSL_TLS13
#define HAVE_TLS_EXTENSIONS
#define HAVE_SNI
#define HAVE_ALPN
#define HAVE_SUPPORTED_CURVES
#define HAVE_SESSION_TICKET
#define HAVE_EXTENDED_MASTER
#define HAVE_ENCRYPT_THEN_MAC
#define HAVE_SERVER_RENEGOTIATION_INFO
#define NO_OLD_TLS
#define NO_PSK
#define HAVE_SECRET_CALLBACK  // what the record opener takes its keys from
#define LARGE_STATIC_BUFFERS  // records in buffers inside the session: an established connection allocates nothing

// Ciphers and hashes, with Intel's instructions where the processor has them.
#define WOLFSSL_AESNI
#define USE_INTEL_SPEEDUP
#define WOLFSSL_USE_ALIGN
#define HAVE_AESGCM
#define GCM_TABLE_4BIT
#define HAVE_CHACHA
#define HAVE_POLY1305
#define WOLFSSL_SHA224
#define WOLFSSL_SHA384
#define WOLFSSL_SHA512
#define HAVE_HKDF
#define HAVE_HASHDRBG
#define NO_RC4
#define NO_MD4
#define NO_DES3
#define NO_DES3_TLS_SUITES
#define NO_DSA

// Keys.
#define HAVE_ECC
#define HAVE_ECC384
#define HAVE_ECC521
#define ECC_SHAMIR
#define HAVE_CURVE25519
#define HAVE_ED25519
#define HAVE_FFDHE_2048
#define HAVE_DH_DEFAULT_PARAMS
#define WC_RSA_PSS
#define WOLFSSL_PSS_LONG_SALT
#define WC_RSA_BLINDING
#define TFM_TIMING_RESISTANT
#define ECC_TIMING_RESISTANT
#define WOLFSSL_HAVE_SP_RSA
#define WOLFSSL_HAVE_SP_DH
#define WOLFSSL_HAVE_SP_ECC
#define WOLFSSL_SP_4096
#define WOLFSSL_SP_384
#define WOLFSSL_SP_521
#define WOLFSSL_SP_LARGE_CODE
#define WOLFSSL_SP_MATH_ALL
#define WOLFSSL_SP_X86_64
#define WOLFSSL_SP_ASM
#define WOLFSSL_SP_X86_64_ASM

// Certificates, read and (in the tests and the demo) made.
#define WOLFSSL_ASN_TEMPLATE
// Whether those of a server are good is decided by engine/io/certificates/: it is asked always, may be shown more than nine, and is
// as strict as is right, so that wolfSSL's reader need not be (serial number 0). What that reader makes of each is handed to us, to
// put our own reading in its place (io/tls/callbacks.hpp): nothing that it cannot read is refused by it.
#define WOLFSSL_ALWAYS_VERIFY_CB
#define WOLFSSL_PUBLIC_ASN
#define HAVE_PK_CALLBACKS
#define MAX_CHAIN_DEPTH 32
#define MAX_CERTIFICATE_SZ (100 * 1024)  // all of a server's: OpenSSL's bound
#define WOLFSSL_NO_ASN_STRICT
#define WOLFSSL_ALT_NAMES
#define WOLFSSL_BASE64_ENCODE
#define WOLFSSL_KEY_GEN
#define WOLFSSL_CERT_GEN
#define WOLFSSL_CERT_EXT
