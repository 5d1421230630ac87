"""The currencies that amounts may be told in: those of ISO 4217 that deals were closed in.

Facts tell of days since 2000, so a currency that was withdrawn after that still stands for the
deals of its time. Metals, units of account, test codes and funds never do.
"""

from typing import Final

from pydantic_core import PydanticCustomError

__all__ = ["is_currency", "known_currency"]

# List one of the maintenance agency ...
_CURRENT: Final = """
AED AFN ALL AMD AOA ARS AUD AWG AZN BAM BBD BDT BHD BIF BMD BND BOB BRL BSD BTN BWP BYN BZD CAD CDF
CHF CLP CNY COP CRC CUP CVE CZK DJF DKK DOP DZD EGP ERN ETB EUR FJD FKP GBP GEL GHS GIP GMD GNF GTQ
GYD HKD HNL HTG HUF IDR ILS INR IQD IRR ISK JMD JOD JPY KES KGS KHR KMF KPW KRW KWD KYD KZT LAK LBP
LKR LRD LSL LYD MAD MDL MGA MKD MMK MNT MOP MRU MUR MVR MWK MXN MYR MZN NAD NGN NIO NOK NPR NZD OMR
PAB PEN PGK PHP PKR PLN PYG QAR RON RSD RUB RWF SAR SBD SCR SDG SEK SGD SHP SLE SOS SRD SSP STN SVC
SYP SZL THB TJS TMT TND TOP TRY TTD TWD TZS UAH UGX USD UYU UYW UZS VED VES VND VUV WST XAD XAF XCD
XCG XOF XPF YER ZAR ZMW ZWG
"""
# ... and what list three says was withdrawn since 2000.
_WITHDRAWN: Final = """
ADP AFA ANG AON AOR ATS AZM BEF BGL BGN BYB BYR CSD CUC CYP DEM ECS EEK ESP FIM FRF GHC GRD HRK IEP
ITL LTL LUF LVL MGF MRO MTL MZM NLG PTE ROL RUR SDD SIT SKK SLL SRG STD TJR TMM TPE TRL VEB VEF YUM
ZMK ZWD ZWL ZWN ZWR
"""
_KNOWN: Final = frozenset((_CURRENT + _WITHDRAWN).split())


def is_currency(code: str) -> bool:
    """Tell whether deals are, or were since 2000, closed in the currency of this code."""
    return code in _KNOWN


def known_currency(code: str) -> str:
    """Return the code of a currency; of anything else, raise what a validator reports."""
    if not is_currency(code):
        raise PydanticCustomError(
            "unknown_currency", "expected a currency of ISO 4217 that deals are closed in"
        )
    return code
