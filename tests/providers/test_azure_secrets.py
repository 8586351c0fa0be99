"""What is read from vaults: values, versions, what is out of its time, keys, certificates, lists."""

import base64
import datetime as dt
import json
import logging
import subprocess
import sys
import threading
import time

import pytest
from servers.keyvault_content import PEM, PKCS12
from servers.keyvault_faults import Fault
from servers.shared_keyvault import shown

from secretfetch.provider import (
    ConfigError,
    DataError,
    NotFound,
    Query,
    SecretError,
    SecretRef,
    SecretValue,
    Unavailable,
    Unchanged,
    Version,
)

pytest_plugins = ["servers.keyvault_fixtures"]

CONTOSO = "https://contoso.vault.azure.net"
YEAR = 365 * 86400


@pytest.fixture
def vault(azure):
    """Give the vault called contoso."""
    return azure.vault("contoso")


def refs(*keys):
    return [SecretRef("azure-kv", f"contoso/{key}") for key in keys]


# Values and versions


@pytest.mark.parametrize("value", ["", " \n", "\ufeff\u20ac\U0001f511\x00", "x" * 25_000])
def test_values_come_verbatim(vault, key_vault, value):
    """Byte for byte as text, whatever it is."""
    vault.secret("db", value)
    assert value.encode() == key_vault().data("contoso/db")


def test_half_a_character_is_no_text(azure, vault, key_vault):
    """JSON can write what UTF-8 cannot: that is the data's fault, and the value is not shown."""
    vault.secret("db", "canary")
    azure.faults = [Fault("contoso", body=b'{"id":"https://v/secrets/db/1","value":"canary\\ud800"}')]
    error = key_vault().outcome("contoso/db")
    assert DataError is type(error)
    assert "canary" not in shown(error)


def test_newest_version_and_others(vault, key_vault):
    """Without a version the newest one; with one exactly that, however it is written."""
    old = vault.secret("db", "old")
    new = vault.secret("db", "new")
    store = key_vault()
    assert SecretValue(b"new", Version(new)) == store.outcome("contoso/db")
    assert SecretValue(b"old", Version(old)) == store.outcome(f"contoso/secrets/db/{old}")
    assert b"old" == store.data("contoso/db", old)


def test_versions_tell_what_has_changed(vault, key_vault):
    """The held version is Unchanged; another is a value, and so is a version that was never given."""
    first = vault.secret("db", "1")
    store = key_vault()
    assert Unchanged() == store.outcome("contoso/db", held=Version(first))
    second = vault.secret("db", "2")
    assert SecretValue(b"2", Version(second)) == store.outcome("contoso/db", held=Version(first))


def test_other_attributes_are_no_change(vault, key_vault):
    """New tags of the same version change no file."""
    held = vault.secret("db", "1")
    version = vault.current("secrets", "db")
    version.tags = {"a": "b"}
    version.attributes["updated"] += 60
    assert Unchanged() == key_vault().outcome("contoso/db", held=Version(held))


def test_one_secret_however_spelled_is_one_request(azure, vault, key_vault):
    """By name, by host, by kind, in capitals: read once."""
    held = vault.secret("db", "1")
    keys = ["db", "DB", "secrets/db", "secrets/db/"]
    wanted = [*refs(*keys), SecretRef("azure-kv", "contoso.vault.azure.net/db")]
    outcomes = key_vault().provider.fetch({**dict.fromkeys(wanted), wanted[1]: Version(held)})
    assert [SecretValue(b"1", Version(held))] * 4 == [outcomes[ref] for ref in wanted if ref != wanted[1]]
    assert Unchanged() == outcomes[wanted[1]]
    assert 1 == azure.counts["secrets/get"]


def test_several_vaults(azure, key_vault):
    """Each has its own challenge, all have one login, and one that is out does not take the others along."""
    for name in ("vault-a", "vault-b", "vault-c"):
        azure.vault(name).secret("db", name)
    azure.faults = [Fault("vault-b", status=503, code="ServiceUnavailable")]
    wanted = [SecretRef("azure-kv", f"{name}/db") for name in ("vault-a", "vault-b", "vault-c")]
    wanted.append(SecretRef("azure-kv", "vault-b/other"))
    a, b, c, other = key_vault().provider.fetch(dict.fromkeys(wanted)).values()
    assert (b"vault-a", b"vault-c") == (a.data, c.data)
    assert Unavailable is type(b)
    assert str(b) == str(other)
    assert {"secrets/get": 3, "token": 1} == azure.counts


def test_reads_go_side_by_side(azure, vault, key_vault, monkeypatch):
    """Twelve at a time after the first one: that many must have come in before any is answered."""
    for number in range(13):
        vault.secret(f"s{number}", "v")
    together = threading.Barrier(12, timeout=20)
    seen = []
    real = azure.fault_for

    def meet(request):
        if request.operation == "secrets/get" and request.authorized:
            seen.append(request.name)
            if len(seen) > 1:
                together.wait()
        return real(request)

    monkeypatch.setattr(azure, "fault_for", meet)
    outcomes = key_vault().provider.fetch(dict.fromkeys(refs(*(f"s{number}" for number in range(13)))))
    assert {SecretValue} == {type(outcome) for outcome in outcomes.values()}


def test_one_bad_ref_spoils_no_other(vault, key_vault):
    """What cannot be asked for is told beside what can."""
    vault.secret("db", "1")
    good, bad, absent = refs("db", "d_b", "absent")
    outcomes = key_vault().provider.fetch({bad: None, good: None, absent: None})
    assert [ConfigError, SecretValue, NotFound] == [type(outcome) for outcome in outcomes.values()]


def test_two_threads_may_fetch(azure, key_vault):
    """A provider is shared by threads, also before its first login."""
    azure.vault("two-threads").secret("db", "1")
    store = key_vault()
    found = []
    threads = [threading.Thread(target=lambda: found.append(store.data("two-threads/db"))) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [b"1"] * 8 == found
    assert 1 == azure.counts["token"]


def test_closed_is_closed(vault, key_vault):
    """After close a fetch is refused, rather than logging in again."""
    vault.secret("db", "1")
    store = key_vault()
    store.data("contoso/db")
    store.provider.close()
    assert "closed" in str(store.outcome("contoso/db"))


# Enabled, expired, not valid yet


@pytest.mark.parametrize("kind", ["secrets", "keys", "certificates"])
def test_disabled_is_no_permission_problem(vault, key_vault, pfx, kind):
    """Whatever it is, it is there, nobody may have it, and `optional` does not forgive that."""
    vault.certificate("db", pfx)
    vault.current(kind, "db").attributes["enabled"] = False
    error = key_vault().outcome(f"contoso/{kind}/db")
    assert DataError is type(error)
    assert "is disabled" in str(error)
    assert "--enabled true" in shown(error)


def test_older_version_is_not_taken_for_a_disabled_one(vault, key_vault):
    """The newest version counts, also when it is disabled."""
    old = vault.secret("db", "old")
    vault.secret("db", "new", enabled=False)
    error = key_vault().outcome("contoso/db")
    assert "older version is not taken" in shown(error)
    assert b"old" == key_vault().data("contoso/db", old)


@pytest.mark.parametrize(
    ("attributes", "words"),
    [
        ({"exp": 1_700_000_000}, "expired on 2023-11-14 22:13:20 UTC"),
        ({"nbf": 4_000_000_000}, "is not valid before 2096-10-02 07:06:40 UTC"),
    ],
)
class TestOutOfTime:
    """The service hands these out with 200."""

    def test_is_warned_of_once(self, vault, key_vault, caplog, attributes, words):
        """It is used, with a warning that names it and not its value; the next poll is silent."""
        vault.secret("db", "canary", **attributes)
        store = key_vault()
        with caplog.at_level(logging.WARNING, "secretfetch"):
            assert b"canary" == store.data("contoso/db")
            store.data("contoso/db")
        assert [f'secret "contoso/db" {words}; it is used all the same'] == [one.message for one in caplog.records]

    def test_can_be_refused(self, vault, key_vault, attributes, words):
        """With `expired: refuse` it is an error that says when, also when it is held already."""
        version = vault.secret("db", "canary", **attributes)
        store = key_vault(expired="refuse")
        for held in (None, Version(version)):
            error = store.outcome("contoso/db", held=held)
            assert DataError is type(error)
            assert f'secret "contoso/db" {words}' == str(error)


def test_within_its_time(vault, key_vault, caplog):
    """No word about what is valid now."""
    now = int(time.time())
    vault.secret("db", "v", exp=now + 3600, nbf=now - 3600)
    with caplog.at_level(logging.WARNING, "secretfetch"):
        assert b"v" == key_vault(expired="refuse").data("contoso/db")
    assert [] == caplog.records


# Keys and certificates


@pytest.fixture(scope="module")
def chain():
    """Give a private key, and certificates from leaf to root."""
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes
    from cryptography.hazmat.primitives.asymmetric import ec

    now = dt.datetime.now(dt.UTC)
    keys = {name: ec.generate_private_key(ec.SECP256R1()) for name in ("leaf", "middle", "root")}
    names = {name: x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, name)]) for name in keys}
    made = []
    for name, issuer in (("leaf", "middle"), ("middle", "root"), ("root", "root")):
        builder = x509.CertificateBuilder().subject_name(names[name]).issuer_name(names[issuer])
        builder = builder.public_key(keys[name].public_key()).serial_number(len(made) + 1)
        builder = builder.not_valid_before(now).not_valid_after(now + dt.timedelta(days=9))
        made.append(builder.sign(keys[issuer], hashes.SHA256()))
    return keys["leaf"], made


@pytest.fixture(scope="module")
def texts(chain):
    """Give the PEM of the key, and of each certificate."""
    from cryptography.hazmat.primitives import serialization as form

    key, certificates = chain
    private = key.private_bytes(form.Encoding.PEM, form.PrivateFormat.PKCS8, form.NoEncryption())
    return private, [one.public_bytes(form.Encoding.PEM) for one in certificates]


@pytest.fixture(scope="module")
def pfx(chain):
    """Give the base64 of a PKCS 12 store that has the root before the middle."""
    from cryptography.hazmat.primitives.serialization import NoEncryption, pkcs12

    key, (leaf, middle, root) = chain
    raw = pkcs12.serialize_key_and_certificates(b"web", key, leaf, [root, middle], NoEncryption())
    return base64.b64encode(raw).decode()


@pytest.fixture(params=["pkcs12", "pem"])
def web(request, vault, pfx, texts):
    """Make a certificate called web, in either of the forms that Key Vault keeps."""
    private, (leaf, middle, root) = texts
    if request.param == "pkcs12":
        vault.certificate("web", pfx, PKCS12)
    else:
        vault.certificate("web", (private + leaf + root + middle).decode(), PEM)


def test_certificate_is_its_leaf(web, key_vault, texts):
    """PEM of the certificate alone; DER if asked for."""
    import ssl

    leaf = texts[1][0]
    assert leaf == key_vault().data("contoso/certificates/web")
    assert ssl.PEM_cert_to_DER_cert(leaf.decode()) == key_vault().data("contoso/certificates/web", **{"as": "der"})


def test_private_side_of_a_certificate(web, key_vault, texts):
    """The chain from leaf to root in whatever order it is kept, the key, and both; all from the secret behind it."""
    private, certificates = texts
    whole = b"".join(certificates)
    forms = {form: key_vault().data("contoso/certificates/web", **{"as": form}) for form in ("chain", "key", "bundle")}
    assert {"chain": whole, "key": private, "bundle": private + whole} == forms


def test_certificate_as_pkcs12(web, key_vault, chain):
    """The binary store, without a password."""
    from cryptography.hazmat.primitives.serialization import pkcs12

    key, certificates = chain
    store = pkcs12.load_pkcs12(key_vault().data("contoso/certificates/web", **{"as": "pfx"}), None)
    assert certificates[0] == store.cert.certificate
    assert set(certificates[1:]) == {extra.certificate for extra in store.additional_certs}
    assert key.private_numbers() == store.key.private_numbers()


def test_secret_behind_a_certificate(vault, key_vault, pfx, texts):
    """As a secret it is what is kept, verbatim; as PEM it is key and chain."""
    vault.certificate("web", pfx)
    assert pfx.encode() == key_vault().data("contoso/web")
    assert texts[0] + b"".join(texts[1]) == key_vault().data("contoso/web", **{"as": "pem"})


def test_form_of_a_plain_secret(vault, key_vault):
    """A secret that no certificate stands before has no forms."""
    vault.secret("db", "plain", content_type=PKCS12)
    assert b"plain" == key_vault().data("contoso/db", **{"as": "pem"})


def test_forms_share_what_is_read(azure, web, key_vault):
    """Key and chain of one certificate are one request."""
    wanted = [SecretRef("azure-kv", "contoso/certificates/web", "", (("as", form),)) for form in ("key", "chain")]
    outcomes = key_vault().provider.fetch(dict.fromkeys(wanted))
    assert {SecretValue} == {type(outcome) for outcome in outcomes.values()}
    assert 1 == azure.counts["secrets/get"]


def test_private_side_that_cannot_be_had(vault, key_vault, pfx):
    """A store that is broken, or of another type, is the data's fault, and nothing of it is shown."""
    vault.certificate("web", pfx)
    version = vault.current("secrets", "web")
    for body in ({"contentType": PKCS12, "value": "canary"}, {"contentType": "canary/x", "value": pfx}):
        version.body = body
        error = key_vault().outcome("contoso/certificates/web", **{"as": "chain"})
        assert DataError is type(error)
        assert "canary!" not in shown(error)
    assert 'content type "canary/x"' in shown(error)


@pytest.mark.parametrize("kind", ["RSA", "EC"])
def test_key_is_its_public_side(vault, key_vault, kind):
    """PEM, or the JSON web key."""
    from cryptography.hazmat.primitives import serialization as form
    from cryptography.hazmat.primitives.asymmetric import ec, rsa
    from servers.keyvault_content import jwk_of

    made = rsa.generate_private_key(65537, 2048) if kind == "RSA" else ec.generate_private_key(ec.SECP384R1())
    jwk = jwk_of(made.public_key())
    version = vault.key("sign", {**jwk, "kty": f"{kind}-HSM"})
    pem = made.public_key().public_bytes(form.Encoding.PEM, form.PublicFormat.SubjectPublicKeyInfo)
    assert pem == key_vault().data("contoso/keys/sign")
    found = json.loads(key_vault().data("contoso/keys/sign", **{"as": "jwk"}))
    assert {**jwk, "kty": f"{kind}-HSM", "kid": f"{CONTOSO}/keys/sign/{version}", "key_ops": ["verify"]} == found


def test_key_without_a_public_side(vault, key_vault):
    """A symmetric key cannot be had."""
    vault.key("wrap", {"kty": "oct-HSM"})
    assert "of type oct-HSM" in str(key_vault().outcome("contoso/keys/wrap"))


# Lists


def test_find_by_name_and_tags(azure, vault, key_vault):
    """The enabled ones whose name fits the expression and that have all the tags, over all pages."""
    for number in range(60):
        vault.secret(f"app-{number:02}", "v", tags={"env": "dev" if number % 2 else "prod", "n": str(number)})
    vault.secret("app-off", "v", enabled=False, tags={"env": "dev"})
    store = key_vault(vault_url=CONTOSO).provider
    found = store.find(Query(name="^app-[345]", tags=(("env", "dev"),)))
    assert [f"app-{number}" for number in range(31, 60, 2)] == [ref.key for ref in found]
    assert {""} == {ref.store for ref in found}
    assert 60 == len(store.find(Query()))
    assert 6 == azure.counts["secrets/list"]


def test_version_history(vault, key_vault):
    """The enabled versions of one secret, the newest first, each a ref that can be fetched."""
    for number in range(3):
        vault.secret("db", f"v{number}", enabled=number != 1)
        vault.items["secrets"]["db"].versions[-1].attributes["created"] = 1_700_000_000 + number
    store = key_vault(vault_url=CONTOSO).provider
    found = store.find(Query(path="db"))
    assert [b"v2", b"v0"] == [outcome.data for outcome in store.fetch(dict.fromkeys(found)).values()]


def test_what_was_found_can_be_fetched(vault, key_vault):
    """A ref that find returns is one that fetch takes."""
    vault.secret("db", "v")
    store = key_vault(vault_url=CONTOSO).provider
    (ref,) = store.find(Query(name="db"))
    assert b"v" == store.fetch({ref: None})[ref].data


@pytest.mark.parametrize(
    ("query", "settings", "kind", "words"),
    [
        (Query(name="nothing"), {"vault_url": CONTOSO}, NotFound, "no secret"),
        (Query(name="("), {"vault_url": CONTOSO}, ConfigError, "regular expression"),
        (Query(path="a/"), {"vault_url": CONTOSO}, ConfigError, "cannot be a secret"),
        (Query(path="nope"), {"vault_url": CONTOSO}, NotFound, "no version"),
        (Query(), {}, ConfigError, "without a vault"),
    ],
)
def test_lists_that_cannot_be_had(vault, key_vault, query, settings, kind, words):
    """Nothing found, nothing to look in, nothing to look for."""
    with pytest.raises(kind, match=words):
        key_vault(**settings).provider.find(query)


def test_denied_list(azure, vault, key_vault):
    """The action that listing needs is named."""
    azure.deny("contoso", "secrets/list")
    with pytest.raises(SecretError) as caught:
        key_vault(vault_url=CONTOSO).provider.find(Query())
    assert "secrets/readMetadata/action" in shown(caught.value)


def test_list_that_leads_elsewhere(azure, vault, key_vault):
    """The next page is of the same host, or there is none."""
    azure.faults = [Fault("contoso", body=b'{"value":[],"nextLink":"https://other.vault.azure.net/secrets?a=b"}')]
    with pytest.raises(Unavailable, match="another host"):
        key_vault(vault_url=CONTOSO).provider.find(Query())


def test_packages_for_keys_and_certificates_are_not_loaded(vault, key_vault, azure, pfx):
    """They take as long to load as all else together, and the client for secrets can ask for both."""
    vault.certificate("web", pfx)
    code = (
        "import sys, secretfetch_azure; from secretfetch.provider import SecretRef, SecretValue\n"
        "refs = [SecretRef('s', f'contoso/{kind}/web') for kind in ('secrets', 'keys', 'certificates')]\n"
        "found = secretfetch_azure.connect({}).fetch(dict.fromkeys(refs))\n"
        "print(all(isinstance(one, SecretValue) for one in found.values()),\n"
        "      [name for name in ('azure.keyvault.keys', 'azure.keyvault.certificates') if name in sys.modules])\n"
    )
    done = subprocess.run([sys.executable, "-W", "ignore", "-c", code], capture_output=True, text=True, check=True)
    assert "True []\n" == done.stdout
