"""The credentials of the fictional accounts. Nothing here is secret: anyone may play with them."""

from functools import cache

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

__all__ = [
    "ACCOUNTS",
    "GA4_PROPERTY",
    "OAUTH_CLIENTS",
    "SERVICE_ACCOUNT_EMAIL",
    "SERVICE_ACCOUNT_KEY_ID",
    "TokenBook",
    "TokenRefusedError",
    "service_account_key",
    "service_account_pem",
]

GA4_PROPERTY = "123456789"
SERVICE_ACCOUNT_EMAIL = "collector@golden-ratio.iam.gserviceaccount.com"
SERVICE_ACCOUNT_KEY_ID = "golden-ratio-key-1"

#: vendor → (client id, client secret) of the app that was connected.
OAUTH_CLIENTS = {
    "hubspot": ("golden-ratio-hubspot-app", "golden-ratio-hubspot-client-secret"),
    "linkedin": ("golden-ratio-linkedin-app", "golden-ratio-linkedin-client-secret"),
}
#: vendor → the holder of its account-wide token.
ACCOUNTS = {"hubspot": "portal", "linkedin": "organization", "ga4": "service-account"}

# Two primes kept as numbers, so that the key is the same after a restart and stored credentials
# go on working, without a private key file that scanners would rightly complain about.
_P = int(
    "fed8ee786049fd25d994d2cac8d2accae40f9a4290224d3ee7d2b5591a8c1b08"
    "9a7675acf4230142a11d57d70c4465c99901b5460b911fd9e64ad796a671da31"
    "9a31c593cf77916ffb112fbaaec75b59ba5ca768c547148b8b1ae58e653bd513"
    "1e38a42e24a25dd4df5ce611b9c870d10d8d37201dd075d54e181a7ff4761f51",
    16,
)
_Q = int(
    "ea1388c6eec273eb0a508f0b80c295774e1345a0740f8090d80fb498eb653d8e"
    "677649588166a0b993e83c141ff0e1144fb6b15d5eb94ae84d0a159899e25e15"
    "a75c1611281d9ba1ff096985342f38f8f37ab56e7d9ce05f8ccb090bd4c87b44"
    "798c56002f19e6bb4e1540ba0ba117cbfadbe931bdbfaf325ec3e3c1e7de4b85",
    16,
)
_E = 65537


@cache
def service_account_key() -> rsa.RSAPrivateKey:
    """Return the RSA key of the sandbox's Google service account."""
    d = rsa.rsa_recover_private_exponent(_E, _P, _Q)
    numbers = rsa.RSAPrivateNumbers(
        p=_P,
        q=_Q,
        d=d,
        dmp1=rsa.rsa_crt_dmp1(d, _P),
        dmq1=rsa.rsa_crt_dmq1(d, _Q),
        iqmp=rsa.rsa_crt_iqmp(_P, _Q),
        public_numbers=rsa.RSAPublicNumbers(_E, _P * _Q),
    )
    return numbers.private_key()


def service_account_pem() -> str:
    """Return the private key as the PKCS#8 text of a service account file."""
    return (
        service_account_key()
        .private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
        .decode()
    )


class TokenRefusedError(LookupError):
    """A token does not work; ``reason`` is ``unknown``, ``expired`` or ``revoked``."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class TokenBook:
    """Access and refresh tokens of one vendor: who holds them and whether they still work."""

    def __init__(self, vendor: str, *holders: str) -> None:
        self._vendor = vendor
        self._issued = 0
        self._holder_of: dict[str, str] = {}
        self._refused: dict[str, str] = {}
        self._refresh_of: dict[str, str] = {}
        #: When true, a refresh token works once and each refresh hands out the next one.
        self.rotates_refresh_tokens = False
        for holder in holders:
            self._holder_of[self.first_access(holder)] = holder
            self._refresh_of[holder] = self.first_refresh(holder)

    def first_access(self, holder: str) -> str:
        """Return the access token a holder starts with."""
        return f"{self._vendor}.{holder}.access"

    def first_refresh(self, holder: str) -> str:
        """Return the refresh token a holder starts with."""
        return f"{self._vendor}.{holder}.refresh"

    def holder_of(self, authorization: str) -> str:
        """Return who an ``Authorization`` header speaks for.

        Raises:
            TokenRefusedError: there is no bearer token, or it is unknown, expired or revoked.
        """
        scheme, _, token = authorization.partition(" ")
        if scheme.lower() != "bearer" or token not in self._holder_of:
            raise TokenRefusedError("unknown")
        if token in self._refused:
            raise TokenRefusedError(self._refused[token])
        return self._holder_of[token]

    def issue(self, holder: str) -> str:
        """Return a new access token."""
        self._issued += 1
        token = f"{self.first_access(holder)}.{self._issued}"
        self._holder_of[token] = holder
        return token

    def refresh(self, refresh_token: str) -> tuple[str, str]:
        """Return a new access token and the refresh token to use next time.

        Raises:
            TokenRefusedError: the refresh token is unknown, used up or revoked.
        """
        for holder, current in self._refresh_of.items():
            if current == refresh_token:
                access = self.issue(holder)
                if self.rotates_refresh_tokens:
                    self._refresh_of[holder] = f"{self.first_refresh(holder)}.{self._issued}"
                return access, self._refresh_of[holder]
        raise TokenRefusedError("unknown")

    def expire(self, holder: str) -> None:
        """Let all access tokens of a holder expire; the refresh token still works."""
        self._refuse(holder, "expired")

    def revoke(self, holder: str) -> None:
        """Withdraw the holder's consent: neither access nor refresh tokens work any more."""
        self._refuse(holder, "revoked")
        self._refresh_of.pop(holder, None)

    def _refuse(self, holder: str, reason: str) -> None:
        for token, owner in self._holder_of.items():
            if owner == holder:
                self._refused[token] = reason
