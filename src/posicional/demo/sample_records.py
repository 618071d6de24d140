"""The detail records of the sample's seven files, each computed from its row number alone.

The population (who has which contract, plan, broker, family) depends on `rows` and `seed` only, so that one day's
files fit the next day's. What happens (payments, claims, adjustments) depends on the date as well. The first contract
is always running, has a plan that is not basic, a dependant, a payment and a claim: no file of a sample is empty, and
neither is anything made from it.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

import numpy as np
from numpy.typing import NDArray

from posicional.demo import names
from posicional.demo.sample_columns import (
    CPF_SPACE,
    Matrix,
    Rows,
    Texts,
    blank,
    cnpj,
    cpf,
    draw,
    pick,
    put_date,
    put_digits,
    put_signed,
    put_text,
    put_where,
    shape,
)

CONTRATOS = shape(
    120, numero_contrato=10, plano=5, descricao=10, id_plano=4, cpf=11, inicio=8, valor=15, ajuste=16, id_corretor=6,
    fim=8,
)  # fmt: skip
CLIENTES = shape(
    150, mark=b"1", cpf=11, nome=50, nascimento=8, sexo=1, cidade=30, uf=2, cep=8, renda=11, cadastro=8,
)  # fmt: skip
PLANOS = shape(
    110, mark=b"1", id_plano=4, plano=10, nome=40, segmento=14, acomodacao=12, mensalidade=11, coparticipacao=5,
    carencia=4,
)  # fmt: skip
DEPENDENTES = shape(
    110, mark=b"1", numero_contrato=10, sequencia=2, cpf=11, nome=50, nascimento=8, parentesco=10, inclusao=8,
)  # fmt: skip
PAGAMENTOS = shape(
    100, mark=b"1", id_pagamento=17, numero_contrato=10, competencia=6, vencimento=8, pagamento=8, valor=13, ajuste=12,
    forma=8,
)  # fmt: skip
CORRETORES = shape(
    150, mark=b"1", line_end=b"\r\n", id_corretor=6, nome=60, cnpj=14, responsavel=50, uf=2, comissao=5, desde=8,
)  # fmt: skip
SINISTROS = shape(
    140, mark=b"1", id_sinistro=17, numero_contrato=10, ocorrencia=8, aviso=8, procedimento=10, descricao=40, diarias=3,
    valor_avisado=13, valor_pago=13, situacao=8,
)  # fmt: skip

NEVER = 10**6  # as the day on which a contract ends: it does not
PLAN_OF_HUNDRED = np.repeat(np.arange(len(names.PLANS)), [plan.weight for plan in names.PLANS])
PLAN_PRICES = np.array([plan.price for plan in names.PLANS])
PLAN_IDS = tuple(plan.id for plan in names.PLANS)
PLAN_CODES = tuple(plan.code for plan in names.PLANS)
PLAN_CODES_IN_FIVE_BYTES = tuple(code[:5] for code in PLAN_CODES)
FIRST_KEPT_PLAN = PLAN_CODES.index("ESSENCIAL")
DEPENDANTS_OF_HUNDRED = np.repeat([3, 2, 1, 0], [5, 11, 19, 65])
PAYMENTS_OF_HUNDRED = np.repeat([2, 1, 0], [3, 78, 19])
CLAIM_STATE_OF_TEN = np.repeat(np.arange(3), [5, 4, 1])
HOSPITAL_DAYS = tuple(f"{days:3}" if days else "" for days in range(32))  # padded in front; blank without a stay
CITY_NAMES, CITY_STATES, CITY_POSTAL_CODES = zip(*names.CITIES, strict=True)
FIRST_START = 10_227  # 1998-01-01, as days since 1970-01-01


@dataclass(frozen=True, slots=True)
class World:
    """The three things from which everything follows: the business date, how many contracts there are, and the seed."""

    date: date
    rows: int
    seed: int

    @property
    def day(self) -> int:
        """The date as days since 1970-01-01."""
        return self.date.toordinal() - date(1970, 1, 1).toordinal()

    @property
    def clients(self) -> int:
        """How many people hold the contracts: as many contracts have one each, the others are spread over them all."""
        return max(1, self.rows * 7 // 10)

    @property
    def brokers(self) -> int:
        """How many brokers sold them."""
        return max(3, self.rows // 250)

    def ever(self, what: str, rows: Rows, below: int) -> Rows:
        """A draw that is the same on every day."""
        return draw(f"{self.seed} {what}", rows, below)

    def today(self, what: str, rows: Rows, below: int) -> Rows:
        """A draw of this day."""
        return draw(f"{self.seed} {self.date.isoformat()} {what}", rows, below)


@dataclass(frozen=True, slots=True)
class Block:
    """Detail records, and what they add to their file's totals (cents, in the trailer's order)."""

    matrix: Matrix
    totals: tuple[int, ...] = ()


def contratos(world: World, contract: Rows) -> Block:
    """The contracts with these numbers (0 … rows - 1); total: `valor`."""
    matrix, at = blank(CONTRATOS, len(contract)), CONTRATOS.fields
    plan, price, end = _plan(world, contract), _price(world, contract), _end(world, contract)
    adjusted = world.today("adjusted", contract, 100) < 40
    adjustment = np.where(adjusted, world.today("adjustment", contract, 20_001) - 10_000, 0)
    put_digits(matrix, at["numero_contrato"], _number(contract))
    put_text(matrix, at["plano"], pick(PLAN_CODES_IN_FIVE_BYTES, plan))
    kind = world.ever("kind", contract, len(names.CONTRACT_KINDS))
    put_text(matrix, at["descricao"], pick(names.CONTRACT_KINDS, kind))
    put_text(matrix, at["id_plano"], pick(PLAN_IDS, plan))
    put_digits(matrix, at["cpf"], _cpf_of(world, _client(world, contract)))
    put_date(matrix, at["inicio"], _start(world, contract))
    put_where(matrix, at["inicio"], world.ever("start unknown", contract, 80) == 0, b"00000000")
    put_digits(matrix, at["valor"], price)
    put_signed(matrix, at["ajuste"], adjustment, leading=True)
    put_digits(matrix, at["id_corretor"], world.ever("broker", contract, world.brokers) + 1)
    put_date(matrix, at["fim"], np.minimum(end, world.day))
    put_where(matrix, at["fim"], end > world.day, b"99991231")
    return Block(matrix, (int(price.sum()),))


def clientes(world: World, client: Rows) -> Block:
    """The clients with these numbers (0 … clients - 1)."""
    matrix, at = blank(CLIENTES, len(client)), CLIENTES.fields
    given = world.ever("given name", client, len(names.GIVEN))
    city = world.ever("city", client, len(names.CITIES))
    put_digits(matrix, at["cpf"], _cpf_of(world, client))
    put_text(matrix, at["nome"], _full_name(given, _family(world, client)))
    put_date(matrix, at["nascimento"], world.ever("birth", client, 26_000) - 12_800)  # 1934 to 2006
    put_where(matrix, at["nascimento"], world.ever("birth unknown", client, 80) == 0, b"00000000")
    put_text(matrix, at["sexo"], pick(("F", "M"), (given >= len(names.WOMEN)).astype(np.int64)))
    put_text(matrix, at["cidade"], pick(CITY_NAMES, city))
    put_text(matrix, at["uf"], pick(CITY_STATES, city))
    put_digits(
        matrix, at["cep"], np.array(CITY_POSTAL_CODES)[city] * 1_000_000 + world.ever("postal code", client, 1_000_000)
    )
    put_digits(matrix, at["renda"], world.ever("income", client, 2_500_000) + 151_800)
    put_where(matrix, at["renda"], world.ever("income untold", client, 20) == 0, b" " * 11)
    put_date(matrix, at["cadastro"], _start(world, client) - world.ever("registered", client, 30))
    return Block(matrix)


def planos(_: World, plan: Rows) -> Block:
    """The plans with these numbers: the same on every day; total: `mensalidade`."""
    matrix, at = blank(PLANOS, len(plan)), PLANOS.fields
    put_text(matrix, at["id_plano"], pick(PLAN_IDS, plan))
    put_text(matrix, at["plano"], pick(PLAN_CODES, plan))
    put_text(matrix, at["nome"], pick(tuple(each.name for each in names.PLANS), plan))
    put_text(matrix, at["segmento"], pick(tuple(each.segment for each in names.PLANS), plan))
    put_text(matrix, at["acomodacao"], pick(tuple(each.room for each in names.PLANS), plan))
    put_digits(matrix, at["mensalidade"], PLAN_PRICES[plan])
    put_digits(matrix, at["coparticipacao"], np.array([each.share for each in names.PLANS])[plan])
    put_digits(matrix, at["carencia"], np.array([each.wait for each in names.PLANS])[plan])
    return Block(matrix, (int(PLAN_PRICES[plan].sum()),))


def dependentes(world: World, contract: Rows) -> Block:
    """The dependants of these contracts: none to three each, of the holder's family name."""
    count = DEPENDANTS_OF_HUNDRED[world.ever("dependants", contract, 100)]
    owner, order = _several(contract, np.maximum(count, contract == 0))
    each = owner * 4 + order
    matrix, at = blank(DEPENDENTES, len(owner)), DEPENDENTES.fields
    spouse = (order == 0) & (world.ever("married", each, 2) == 0)
    given = world.ever("dependant's given name", each, len(names.GIVEN))
    kin = np.where(spouse, 2, given >= len(names.WOMEN))
    birth = np.where(
        spouse, world.ever("spouse's birth", each, 24_000) - 12_800, world.ever("child's birth", each, 6_900) + 12_800
    )
    put_digits(matrix, at["numero_contrato"], _number(owner))
    put_digits(matrix, at["sequencia"], order + 1)
    put_digits(matrix, at["cpf"], _cpf_of(world, 400_000_000 + each))
    put_where(matrix, at["cpf"], ~spouse & (world.ever("child without cpf", each, 5) < 2), b" " * 11)
    put_text(matrix, at["nome"], _full_name(given, _family(world, _client(world, owner))))
    put_date(matrix, at["nascimento"], np.minimum(birth, world.day))
    put_text(matrix, at["parentesco"], pick(("FILHA", "FILHO", "CÔNJUGE"), kin))
    put_date(matrix, at["inclusao"], np.minimum(np.maximum(birth + 30, _start(world, owner)), world.day))
    return Block(matrix)


def pagamentos(world: World, contract: Rows) -> Block:
    """The payments of the day for these contracts: none to two for each that is running; totals: `valor`, `ajuste`."""
    count = PAYMENTS_OF_HUNDRED[world.today("payments", contract, 100)] * _running(world, contract)
    owner, order = _several(contract, np.maximum(count, contract == 0))
    each = owner * 4 + order
    matrix, at = blank(PAGAMENTOS, len(owner)), PAGAMENTOS.fields
    price, late = _price(world, owner), world.today("late", each, 31) - 10
    adjustment = np.where(late > 0, price * (600 + late * 10) // 30_000, np.where(late < 0, -(price // 100), 0))
    paid = world.day - world.today("credited", each, 3)
    due = paid - late - order * 30
    _put_id(world, matrix, at["id_pagamento"], each)
    put_digits(matrix, at["numero_contrato"], _number(owner))
    put_date(matrix, at["competencia"], due)
    put_date(matrix, at["vencimento"], due)
    put_date(matrix, at["pagamento"], paid)
    put_digits(matrix, at["valor"], price)
    put_signed(matrix, at["ajuste"], adjustment, leading=False)
    put_text(matrix, at["forma"], pick(names.PAYMENT_WAYS, world.today("way", each, len(names.PAYMENT_WAYS))))
    return Block(matrix, (int(price.sum()), int(adjustment.sum())))


def corretores(world: World, broker: Rows) -> Block:
    """The brokers with these numbers (0 … brokers - 1)."""
    matrix, at = blank(CORRETORES, len(broker)), CORRETORES.fields
    root = (broker * 61_803_399 + world.seed % 1_000_003) % 100_000_000
    given = world.ever("broker's given name", broker, len(names.GIVEN))
    family = world.ever("broker's family", broker, len(names.FAMILIES))
    put_digits(matrix, at["id_corretor"], broker + 1)
    put_text(matrix, at["nome"], pick(names.BROKERS, world.ever("firm", broker, len(names.BROKERS)), "cp1252"))
    put_digits(matrix, at["cnpj"], cnpj(root * 10_000 + 1))
    put_text(matrix, at["responsavel"], _full_name(given, family, "cp1252"))
    put_text(matrix, at["uf"], pick(CITY_STATES, world.ever("broker's city", broker, len(CITY_STATES))))
    put_digits(matrix, at["comissao"], world.ever("commission", broker, 1_200) + 300)
    put_date(matrix, at["desde"], FIRST_START - world.ever("broker since", broker, 3_000))
    return Block(matrix)


def sinistros(world: World, contract: Rows) -> Block:
    """The claims of the day on these contracts: one at most for each that is running; total: `valor_avisado`."""
    claimed = (world.today("claims", contract, 1_000) < 115) & _running(world, contract)
    owner = contract[claimed | (contract == 0)]
    matrix, at = blank(SINISTROS, len(owner)), SINISTROS.fields
    what = world.today("procedure", owner, len(names.PROCEDURES))
    usual = np.array([each.days for each in names.PROCEDURES])[what]
    stay = np.where(usual > 0, np.maximum(1, usual + world.today("stay", owner, 9) - 4), 0)
    cost = np.array([each.cost for each in names.PROCEDURES])[what] * (world.today("cost", owner, 91) + 60) // 100
    told = world.day - world.today("told", owner, 2)
    state = CLAIM_STATE_OF_TEN[world.today("state", owner, 10)]
    paid = np.where(state == names.CLAIM_STATES.index("PAGO"), cost * (world.today("paid", owner, 31) + 70) // 100, 0)
    _put_id(world, matrix, at["id_sinistro"], owner)
    put_digits(matrix, at["numero_contrato"], _number(owner))
    put_date(matrix, at["ocorrencia"], told - stay - world.today("happened", owner, 60), day_first=True)
    put_date(matrix, at["aviso"], told, day_first=True)
    put_text(matrix, at["procedimento"], pick(tuple(each.code for each in names.PROCEDURES), what))
    put_text(matrix, at["descricao"], pick(tuple(each.name for each in names.PROCEDURES), what))
    put_text(matrix, at["diarias"], pick(HOSPITAL_DAYS, stay))
    put_digits(matrix, at["valor_avisado"], cost)
    put_digits(matrix, at["valor_pago"], paid)
    put_where(matrix, at["valor_pago"], state == names.CLAIM_STATES.index("ABERTO"), b" " * 13)
    put_text(matrix, at["situacao"], pick(names.CLAIM_STATES, state))
    return Block(matrix, (int(cost.sum()),))


def _number(contract: Rows) -> Rows:
    return contract * 7 + 1_000_001


def _client(world: World, contract: Rows) -> Rows:
    return np.where(contract < world.clients, contract, world.ever("client", contract, world.clients))


def _plan(world: World, contract: Rows) -> Rows:
    return np.where(contract == 0, FIRST_KEPT_PLAN, PLAN_OF_HUNDRED[world.ever("plan", contract, 100)])


def _price(world: World, contract: Rows) -> Rows:
    """What a month of the contract costs, in cents: the plan's price, by age and region."""
    return PLAN_PRICES[_plan(world, contract)] * (world.ever("price", contract, 141) + 80) // 100


def _start(world: World, contract: Rows) -> Rows:
    """The contract's first day: 1998 to 2024."""
    return np.minimum(FIRST_START + world.ever("start", contract, 9_800), world.day)


def _end(world: World, contract: Rows) -> Rows:
    """The contract's last day: a fifth end, a year to eleven years after their start, so some more on each day."""
    ends = (world.ever("ends", contract, 5) == 0) & (contract > 0)
    return np.where(
        ends, FIRST_START + world.ever("start", contract, 9_800) + 365 + world.ever("length", contract, 3_650), NEVER
    )


def _running(world: World, contract: Rows) -> NDArray[np.bool_]:
    return _end(world, contract) > world.day


def _cpf_of(world: World, person: Rows) -> Rows:
    """A different number for each of 0 … CPF_SPACE - 1 people: the factor has no divisor in common with the space."""
    return cpf((person * 387_420_479 + world.seed * 7_919 % CPF_SPACE) % CPF_SPACE)


def _family(world: World, person: Rows) -> Rows:
    return world.ever("family", person, len(names.FAMILIES))


def _full_name(given: Rows, family: Rows, encoding: str = "utf-8") -> Texts:
    first = pick(tuple(f"{name} " for name in names.GIVEN), given, encoding)
    full: Texts = np.strings.add(first, pick(names.FAMILIES, family, encoding))
    return full


def _put_id(world: World, matrix: Matrix, at: slice, number: Rows) -> None:
    """The day's date and a number: no two days use the same."""
    put_date(matrix, slice(at.start, at.start + 8), np.full(len(number), world.day))
    put_digits(matrix, slice(at.start + 8, at.stop), number)


def _several(parents: Rows, counts: Rows) -> tuple[Rows, Rows]:
    """For `counts` children of each parent: the child's parent, and its place among its siblings (from 0)."""
    owner = np.repeat(parents, counts)
    before = np.repeat(np.cumsum(counts) - counts, counts)
    return owner, np.arange(len(owner)) - before
