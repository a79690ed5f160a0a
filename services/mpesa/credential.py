"""The security credential: the initiator's password, encrypted to Safaricom's certificate.

RSA with PKCS#1 v1.5 padding, base64 around it (the portal's page on transaction status). Each encryption
differs, and each is good for as long as the password is: 90 days.
"""

import base64
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey

from ussd_engine.errors import SettingsError


def sealed(password: str, certificate: Path) -> str:
    """The credential. Raises SettingsError for a certificate that is missing or of no use."""
    try:
        found = x509.load_pem_x509_certificate(certificate.read_bytes())
    except (OSError, ValueError):
        raise SettingsError(
            f"MPESA_CERTIFICATE must be Safaricom's certificate (PEM): {certificate}."
        ) from None
    key = found.public_key()
    if not isinstance(key, RSAPublicKey):
        raise SettingsError(f"MPESA_CERTIFICATE holds no RSA key: {certificate}.")
    return base64.b64encode(key.encrypt(password.encode(), PKCS1v15())).decode()
