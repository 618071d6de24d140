-- The procedures of high complexity, once for each diagnosis (CID-10) that they may be billed with.
select
  p.co_procedimento,
  p.no_procedimento,
  p.tp_complexidade,
  p.no_grupo,
  p.no_sub_grupo,
  p.no_forma_organizacao,
  p.co_financiamento,
  p.no_financiamento,
  p.vl_sh,
  p.vl_sa,
  p.vl_sp,
  p.dt_competencia,
  r.co_cid,
  d.no_cid,
  r.st_principal
from procedimentos_alta_complexidade p
join rl_procedimento_cid r
  on r.co_procedimento = p.co_procedimento
join tb_cid d
  on d.co_cid = r.co_cid
