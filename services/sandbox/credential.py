"""The security credential: the initiator's password, encrypted to the sandbox's certificate.

As the portal says (Transaction Status, FAQ 6): the plain password's bytes, RSA with PKCS#1 v1.5 padding
(not OAEP), base64. The sandbox has a key pair of its own; clients get its certificate in place of
Safaricom's.
"""

import base64
import binascii
import hmac
import os
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.x509.oid import NameOID

BITS = 2048
YEARS = 10


class MalformedCredentialError(ValueError):
    """It is empty, or not base64."""


@dataclass(slots=True, frozen=True)
class Keys:
    """The sandbox's private key, and the certificate it gives away."""

    private: rsa.RSAPrivateKey
    certificate_pem: str

    def opens(self, credential: object, password: str) -> bool:
        """Whether the credential holds the password. Raises MalformedCredentialError."""
        if not isinstance(credential, str) or not credential:
            raise MalformedCredentialError
        try:
            sealed = base64.b64decode(credential, validate=True)
        except (binascii.Error, ValueError):
            raise MalformedCredentialError from None
        try:
            plain = self.private.decrypt(sealed, padding.PKCS1v15())
        except ValueError:
            return False
        return hmac.compare_digest(plain, password.encode())


def make() -> Keys:
    """A new key pair, its certificate signed by itself."""
    private = rsa.generate_private_key(public_exponent=65537, key_size=BITS)
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "Umoja sandbox, not Safaricom")])
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(private.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=365 * YEARS))
        .sign(private, hashes.SHA256())
    )
    return Keys(private, certificate.public_bytes(serialization.Encoding.PEM).decode())


def kept_in(folder: Path) -> Keys:
    """The key pair of a folder, made when it has none: a client's credential outlives a restart."""
    key_file, certificate_file = folder / "key.pem", folder / "certificate.pem"
    if key_file.exists() and certificate_file.exists():
        private = serialization.load_pem_private_key(key_file.read_bytes(), password=None)
        assert isinstance(private, rsa.RSAPrivateKey)
        return Keys(private, certificate_file.read_text())
    folder.mkdir(parents=True, exist_ok=True)
    keys = make()
    pem = keys.private.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    certificate_file.write_text(keys.certificate_pem)
    with os.fdopen(os.open(key_file, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as file:
        file.write(pem)
    return keys
